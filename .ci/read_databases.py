"""Exports into databases, read by programs that know nothing of us, against the mirror they were made of.

    read_databases.py STORE.db ARCHIVE.sqlite [POSTGRES-URL SCHEMA]

The mirror is read by Python's own sqlite3; the file by that and by DuckDB, the PostgreSQL schema by psycopg. Every row of every table is
compared, types and nulls included, JSON digit for digit.
"""

import pathlib
import sqlite3
import sys

import duckdb
import psycopg

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "analysis"))
import open as kit  # noqa: E402

# The run that writes an export is in the store with its end, and in the export without.
CHANGING = {"export_runs"}
DUCKDB = {"integer": "BIGINT", "instant": "BIGINT", "flag": "BIGINT", "real": "DOUBLE", "text": "VARCHAR", "json": "VARCHAR", "bytes": "BLOB"}
POSTGRES = {
    "integer": "bigint",
    "instant": "bigint",
    "flag": "boolean",
    "real": "double precision",
    "text": "text",
    "json": "text",
    "bytes": "bytea",
}


def rows(connection, table, kinds):
    found = connection.execute(f"SELECT {', '.join(kinds)} FROM {table}").fetchall()
    return sorted((tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in found), key=repr)


def compare(what, found, expected):
    if found == expected:
        return
    extra = [row for row in found if row not in expected][:3]
    missing = [row for row in expected if row not in found][:3]
    sys.exit(f"{what}: {len(found)} rows, {len(expected)} in the mirror\n  not there: {extra}\n  not read: {missing}")


def same_types(what, found, kinds, names):
    expected = {name: names[kind] for name, kind in kinds.items()}
    if found != expected:
        sys.exit(f"{what}: types {found}, not {expected}")


def flags_shown(expected, kinds):
    """PostgreSQL tells flags from numbers."""
    is_flag = [kind == "flag" for kind in kinds.values()]
    shown = (tuple(bool(value) if flag and value is not None else value for flag, value in zip(is_flag, row)) for row in expected)
    return sorted(shown, key=repr)


def scanner():
    """The reader of SQLite files, as a package from PyPI brings it."""
    found = pathlib.Path(duckdb.__file__).parent.parent.glob("duckdb_ext/extensions/*/*/sqlite_scanner.duckdb_extension")
    return next(found)


def check_file(store, path):
    by_duckdb = duckdb.connect()
    by_duckdb.execute(f"LOAD '{scanner()}'")
    by_duckdb.execute(f"ATTACH '{path}' AS archive (TYPE sqlite, READ_ONLY)")
    by_duckdb.execute("USE archive")
    by_python = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    count = 0
    for table, kinds in kit.tables().items():
        types = {row[0]: row[1] for row in by_duckdb.execute(f"DESCRIBE {table}").fetchall()}
        same_types(f"{table} of the file", types, kinds, DUCKDB)
        manifest = by_python.execute("SELECT coalesce(sum(rows), 0) FROM longshore_manifest WHERE table_name = ?", (table,)).fetchone()
        if manifest != by_python.execute(f"SELECT count(*) FROM {table}").fetchone():
            sys.exit(f"{table}: the manifest tells of {manifest[0]} rows")
        if table in CHANGING:
            continue
        expected = rows(store, table, kinds)
        compare(f"{table} of the file, by DuckDB", rows(by_duckdb, table, kinds), expected)
        compare(f"{table} of the file, by Python", rows(by_python, table, kinds), expected)
        count += len(expected)
    print(f"{count} rows of the SQLite file, read by DuckDB and by Python, are those of the mirror")


def check_schema(store, url, schema):
    count = 0
    with psycopg.connect(url) as connection:
        connection.execute(f"SET search_path = {schema}")
        for table, kinds in kit.tables().items():
            types = dict(
                connection.execute(
                    "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s", (schema, table)
                ).fetchall()
            )
            same_types(f"{table} of PostgreSQL", types, kinds, POSTGRES)
            if table in CHANGING:
                continue
            expected = flags_shown(rows(store, table, kinds), kinds)
            compare(f"{table} of PostgreSQL", rows(connection, table, kinds), expected)
            count += len(expected)
        left = connection.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'longshore_staging%'").fetchone()[0]
    if left:
        sys.exit(f"{left} staging tables are left over")
    print(f"{count} rows of PostgreSQL, read by psycopg, are those of the mirror")


def main():
    store = sqlite3.connect(sys.argv[1])
    check_file(store, sys.argv[2])
    if len(sys.argv) > 3:
        check_schema(store, sys.argv[3], sys.argv[4])


main()
