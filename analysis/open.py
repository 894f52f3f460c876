#!/usr/bin/env python3
"""Open an export in DuckDB, with the views of docs/analysis.md.

    python3 analysis/open.py EXPORT                        shows each view's first rows
    python3 analysis/open.py EXPORT --query "SELECT …"     answers a question
    python3 analysis/open.py EXPORT --database FILE        keeps tables and views in a DuckDB file, for dbt and others

EXPORT is a folder that `longshore export` wrote: NDJSON or CSV, or a lake of Parquet files
(tables/TABLE/org_id=…/month=…/*.parquet). Needs the package duckdb. Nothing is written but FILE.
"""

import argparse
import json
import pathlib
import sys

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
TYPES = {
    "integer": "BIGINT",
    "instant": "BIGINT",
    "flag": "BOOLEAN",
    "real": "DOUBLE",
    "text": "VARCHAR",
    "json": "JSON",
    "bytes": "VARCHAR",
}
# The longest line or row that is read, in bytes: a message and what came with it.
LINE_BYTES_MAX = 256 * 1024 * 1024
VIEWS = ["volume_by_day", "response_by_day", "playbooks", "pages", "agents"]


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


def columns_of(kinds, json_as):
    types = {name: json_as if kind == "json" else TYPES[kind] for name, kind in kinds.items()}
    return "{" + ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in types.items()) + "}"


def ndjson(files, kinds):
    """One JSON object a line; JSON columns as they stand there. `files` is a file or a list of them, as SQL."""
    return (
        f"SELECT * FROM read_json({files}, format = 'newline_delimited', columns = {columns_of(kinds, 'JSON')}, "
        f"hive_partitioning = false, maximum_object_size = {LINE_BYTES_MAX})"
    )


def csv(files, kinds):
    """RFC 4180; nothing is null, "" is the empty text. A document that is no JSON is a text, as in NDJSON."""
    shown = [
        f"CASE WHEN json_valid({name}) THEN CAST({name} AS JSON) ELSE to_json({name}) END AS {name}" if kind == "json" else name
        for name, kind in kinds.items()
    ]
    return (
        f"SELECT {', '.join(shown)} FROM read_csv({files}, header = true, delim = ',', quote = '\"', escape = '\"', "
        f"nullstr = '', allow_quoted_nulls = false, auto_detect = false, parallel = false, "
        f"max_line_size = {LINE_BYTES_MAX}, columns = {columns_of(kinds, 'VARCHAR')})"
    )


def parquet(connection, files, kinds):
    """The files of a lake: instants as milliseconds again, hashes as hexadecimal texts, JSON as JSON."""
    files = f"read_parquet({files}, hive_partitioning = true, union_by_name = true)"
    found = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()}

    def shown(name, kind):
        if name not in found:
            return f"CAST(NULL AS {TYPES[kind]}) AS {name}"
        if kind == "instant" and found[name].startswith("TIMESTAMP"):
            return f"epoch_ms({name}) AS {name}"
        if kind == "bytes" and found[name] == "BLOB":
            return f"lower(hex({name})) AS {name}"
        return f"CAST({name} AS {TYPES[kind]}) AS {name}"

    return f"SELECT {', '.join(shown(name, kind) for name, kind in kinds.items())} FROM {files}"


def tables():
    """The public tables: their columns and kinds."""
    return json.loads((HERE / "tables.json").read_text())


def source(connection, export, table, kinds):
    """How a table of this export is read; None when the export does not have it."""
    for name, read in ((f"{table}.ndjson", ndjson), (f"{table}.csv", csv)):
        if (export / name).is_file():
            return read(quoted(export / name), kinds)
    for folder in (export / "tables" / table, export / table):
        if any(folder.glob("**/*.parquet")):
            return parquet(connection, quoted(folder / "**" / "*.parquet"), kinds)
    return None


def open_export(export, database=":memory:"):
    """A connection in which the public tables and the views are, over the files of an export."""
    export = pathlib.Path(export)
    manifest = export / "manifest.json"
    if manifest.is_file() and not json.loads(manifest.read_text())["complete"]:
        raise SystemExit(f"error: {export} is not complete\nhint: wait for the export to end, or run it again")
    connection = duckdb.connect(database)
    kind_of_relation = "VIEW" if database == ":memory:" else "TABLE"
    found = 0
    for table, kinds in tables().items():
        text = source(connection, export, table, kinds)
        found += text is not None
        if text is None:
            text = "SELECT " + ", ".join(f"CAST(NULL AS {TYPES[kind]}) AS {name}" for name, kind in kinds.items()) + " LIMIT 0"
        connection.execute(f"CREATE OR REPLACE {kind_of_relation} {table} AS {text}")
    if not found:
        raise SystemExit(f"error: {export} holds no table\nhint: name a folder that \"longshore export\" wrote")
    for script in ("engine/duckdb.sql", "views.sql"):
        connection.execute((HERE / script).read_text())
    return connection


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("export", type=pathlib.Path)
    parser.add_argument("--database", default=":memory:", help="a DuckDB file to keep tables and views in")
    parser.add_argument("--query", help="a question in SQL")
    args = parser.parse_args()
    connection = open_export(args.export, args.database)
    if args.query:
        print(connection.sql(args.query))
        return
    for view in VIEWS:
        print(f"analysis_{view}")
        print(connection.sql(f"SELECT * FROM analysis_{view} ORDER BY ALL LIMIT 10"))


if __name__ == "__main__":
    sys.exit(main())
