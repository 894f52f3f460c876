"""A Python loader on the same rows: dlt, from PyPI, brings the mirror's messages into PostgreSQL by its merge, twice.

    compare_dlt.py STORE.db POSTGRES-URL

For a comparison with `longshore bench export --format postgres`, which exports the same mirror. Needs dlt[postgres]. The schema longshore_dlt
(and its staging) is dropped before and afterwards.
"""

import pathlib
import sqlite3
import sys
import tempfile
import time

import dlt
import psycopg2

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "analysis"))
import open as kit  # noqa: E402

SCHEMA = "longshore_dlt"
ROWS_AT_ONCE = 10_000
TYPES = {"integer": "bigint", "instant": "bigint", "flag": "bigint", "real": "double", "text": "text", "json": "text", "bytes": "binary"}


def clear(url):
    connection = psycopg2.connect(url)
    connection.autocommit = True
    connection.cursor().execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; DROP SCHEMA IF EXISTS {SCHEMA}_staging CASCADE")
    connection.close()


def main():
    store, url = sqlite3.connect(sys.argv[1]), sys.argv[2]
    kinds = kit.tables()["messages"]
    columns = {name: {"data_type": TYPES[kind]} for name, kind in kinds.items()}

    @dlt.resource(name="messages", write_disposition="merge", primary_key=("org_id", "message_id"), columns=columns)
    def messages():
        cursor = store.execute(f"SELECT {', '.join(kinds)} FROM messages ORDER BY conversation_id, message_id")
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield [dict(zip(kinds, row)) for row in rows]

    clear(url)
    count = store.execute("SELECT count(*) FROM messages").fetchone()[0]
    with tempfile.TemporaryDirectory() as folder:
        for what in ("first", "once more"):
            pipeline = dlt.pipeline("longshore", destination=dlt.destinations.postgres(url), dataset_name=SCHEMA, pipelines_dir=folder)
            started = time.monotonic()
            pipeline.run(messages())
            seconds = time.monotonic() - started
            print(f"dlt {dlt.__version__}, {what}: {count} messages in {seconds:.1f} s, {count / seconds:.0f} messages/s")
    clear(url)


main()
