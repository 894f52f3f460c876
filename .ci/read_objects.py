"""Exports into an object store, read by programs that know nothing of us, against the mirror they were made of.

    read_objects.py read STORE.db ENDPOINT BUCKET/PREFIX     PREFIX holds ndjson/ and parquet/
    read_objects.py delta STORE.db ENDPOINT BUCKET/PREFIX    an export as Delta tables, by delta-rs, the library `deltalake` of PyPI
    read_objects.py change ENDPOINT BUCKET/PREFIX/FORMAT     one object of an export gets another byte

Objects are found by the manifest, as docs/export-objects.md says. The mirror is read by Python's own sqlite3; the tables by DuckDB, with
its reader of object stores as a package from PyPI brings it, and by PyArrow: every row of every table is compared, types and nulls
included. Of transcripts and attachments bytes, hashes and links are held against the list. The server must keep to conditions.
"""

import hashlib
import json
import pathlib
import posixpath
import re
import sqlite3
import sys
import urllib.error
import urllib.parse
import urllib.request

import duckdb
import pyarrow
import pyarrow.dataset
import pyarrow.fs

import read_exports
from read_exports import kit

FORMS = ("ndjson", "parquet")


class Export:
    """What lies under a prefix, as its manifest tells."""

    def __init__(self, endpoint, place):
        self.endpoint, self.place = endpoint, place
        self.fs = pyarrow.fs.S3FileSystem(access_key="test", secret_key="test", region="us-east-1", endpoint_override=endpoint)
        self.manifest = json.loads(self.read("manifest.json"))

    def read(self, name):
        with self.fs.open_input_stream(f"{self.place}/{name}") as stream:
            return stream.read()

    def write(self, name, content):
        with self.fs.open_output_stream(f"{self.place}/{name}") as stream:
            stream.write(content)

    def parts(self, table):
        return [part["file"] for part in self.manifest["tables"] if part["table"] == table]

    def listed(self):
        return [json.loads(line) for line in self.read(self.manifest["files"]["file"]).splitlines()]


def connect(endpoint):
    """DuckDB, with its reader of object stores."""
    reader = next(pathlib.Path(duckdb.__file__).parent.parent.glob("duckdb_ext/extensions/*/*/httpfs.duckdb_extension"))
    connection = duckdb.connect()
    connection.execute(f"LOAD {kit.quoted(reader)}")
    address = urllib.parse.urlsplit(endpoint)
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID 'test', SECRET 'test', REGION 'us-east-1', ENDPOINT {kit.quoted(address.netloc)}, "
        f"URL_STYLE 'path', USE_SSL {str(address.scheme == 'https').lower()})"
    )
    return connection


def open_table(connection, export, form, table, kinds):
    """A view over the objects that the manifest names of a table; a table without rows may have none."""
    files = [f"s3://{export.place}/{file}" for file in export.parts(table)]
    files = "[" + ", ".join(kit.quoted(file) for file in files) + "]"
    if not export.parts(table):
        text = "SELECT " + ", ".join(f"CAST(NULL AS {kit.TYPES[kind]}) AS {name}" for name, kind in kinds.items()) + " LIMIT 0"
    else:
        text = kit.ndjson(files, kinds) if form == "ndjson" else kit.parquet(connection, files, kinds)
    connection.execute(f"CREATE OR REPLACE VIEW {table} AS {text}")


def rows_by_pyarrow(export, form, table, kinds):
    files = export.parts(table)
    if form == "parquet":
        if not files:
            return [], list(kinds)
        paths = [f"{export.place}/{file}" for file in files]
        found = pyarrow.dataset.dataset(paths, format="parquet", filesystem=export.fs, partitioning="hive")
        return read_exports.rows_of_dataset(found.to_table(columns=list(kinds)), kinds)
    rows, names = [], list(kinds)
    for content in filter(None, map(export.read, files)):
        found, names = read_exports.rows_of_ndjson(pyarrow.BufferReader(content), kinds)
        rows += found
    return rows, names


def check_tables(store, endpoint, exports):
    rows = 0
    connection = connect(endpoint)
    for form, export in exports.items():
        for table, kinds in kit.tables().items():
            open_table(connection, export, form, table, kinds)
            by_duckdb = read_exports.rows_by_duckdb(connection, table, kinds)
            by_pyarrow = rows_by_pyarrow(export, form, table, kinds)
            if table in read_exports.CHANGING:
                continue
            expected = read_exports.rows_of_mirror(store, table, kinds)
            read_exports.compare(f"{table} as objects of {form}, by DuckDB", by_duckdb, expected)
            read_exports.compare_rows(f"{table} as objects of {form}, by PyArrow", by_pyarrow, expected, kinds)
            rows += len(expected)
    print(f"{rows} rows in an object store, read by DuckDB and by PyArrow, are those of the mirror")


def check_delta(store, endpoint, place):
    """Every table at its last version, as whoever knows its folder alone finds it."""
    import deltalake

    options = {
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "aws_region": "us-east-1",
        "aws_endpoint_url": endpoint,
        "aws_allow_http": "true",
    }
    rows = versions = 0
    for table, kinds in kit.tables().items():
        expected = read_exports.rows_of_mirror(store, table, kinds)
        uri = f"s3://{place}/tables/{table}"
        if not deltalake.DeltaTable.is_deltatable(uri, options):
            read_exports.compare(f"{table}, which has no log", [], expected)
            continue
        found = deltalake.DeltaTable(uri, storage_options=options)
        versions += found.version() + 1
        if table in read_exports.CHANGING:
            continue
        by_delta = read_exports.rows_of_dataset(found.to_pyarrow_table(columns=list(kinds)), kinds)
        read_exports.compare_rows(f"{table} as a Delta table", by_delta, expected, kinds)
        rows += len(expected)
    print(f"{rows} rows of Delta tables at {versions} versions, read by delta-rs {deltalake.__version__}, are those of the mirror")


def check_files(store, exports):
    conversations = {row[0] for row in store.execute("SELECT conversation_id FROM conversations")}
    files = 0
    for form, export in exports.items():
        listed = export.listed()
        names = {line["path"] for line in listed}
        for line in listed:
            content = export.read(line["path"])
            if (len(content), hashlib.sha256(content).hexdigest()) != (line["bytes"], line["sha256"]):
                sys.exit(f"{line['path']} is not what the list says")
            if line["kind"] in ("transcript", "index") and line["path"].endswith(".html"):
                check_links(line["path"], content.decode(), names)
        seen = {line["id"] for line in listed if line["kind"] == "transcript"}
        read_exports.compare(f"transcripts as objects of {form}", sorted(seen), sorted(conversations))
        files += len(listed)
    print(f"{files} transcripts, attachments and pages in an object store are those that are listed, and link to each other")


def check_links(path, page, names):
    for link in re.findall(r'href="([^"]*)"', page):
        if ":" in link or link.startswith("#"):
            continue
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), urllib.parse.unquote(link)))
        if target not in names:
            sys.exit(f"{path} links to {target}, which is not there")


def check_conditions(export):
    """A manifest that is there is not written over by whoever takes it for not there."""
    before = export.read("manifest.json")
    request = urllib.request.Request(
        f"{export.endpoint}/{export.place}/manifest.json",
        data=b"{}",
        method="PUT",
        headers={"If-None-Match": "*", "Content-Type": "application/octet-stream"},
    )
    try:
        status = urllib.request.urlopen(request, timeout=30).status
    except urllib.error.HTTPError as error:
        status = error.code
    if status != 412 or export.read("manifest.json") != before:
        sys.exit(f"the server does not keep to conditions: it answers {status}")
    print("the server keeps to conditions: a second manifest is refused with 412")


def main():
    if sys.argv[1] == "change":
        export = Export(*sys.argv[2:])
        name = next(line["path"] for line in export.listed() if line["kind"] == "transcript")
        export.write(name, export.read(name) + b" ")
        return
    store = sqlite3.connect(sys.argv[2])
    endpoint, place = sys.argv[3:]
    if sys.argv[1] == "delta":
        check_delta(store, endpoint, place)
        return
    exports = {form: Export(endpoint, f"{place}/{form}") for form in FORMS}
    check_tables(store, endpoint, exports)
    check_files(store, exports)
    for export in exports.values():
        check_conditions(export)


if __name__ == "__main__":
    main()
