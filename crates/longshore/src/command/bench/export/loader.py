"""Messages of a store into Parquet files or PostgreSQL by dlt, a loader from PyPI, as its documentation has it: by merge, twice.

    python - STORE COLUMNS parquet FOLDER
    python - STORE COLUMNS postgres URL SCHEMA

COLUMNS is a JSON object of names and dlt's types. One JSON object a load is printed.
"""

import json
import os
import sqlite3
import sys
import tempfile
import time

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt  # noqa: E402

ROWS_AT_ONCE = 10_000
store, columns, kind, place = sqlite3.connect(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3], sys.argv[4]


@dlt.resource(
    name="messages",
    write_disposition="replace" if kind == "parquet" else "merge",
    primary_key=("org_id", "message_id"),
    columns={name: {"data_type": type_} for name, type_ in columns.items()},
)
def messages():
    cursor = store.execute(f"SELECT {', '.join(columns)} FROM messages ORDER BY conversation_id, message_id")
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield [dict(zip(columns, row)) for row in rows]


count = store.execute("SELECT count(*) FROM messages").fetchone()[0]
if kind == "parquet":
    destination, schema, options = dlt.destinations.filesystem(bucket_url=place), "messages", {"loader_file_format": "parquet"}
else:
    destination, schema, options = dlt.destinations.postgres(place), sys.argv[5], {}
with tempfile.TemporaryDirectory() as folder:
    for _ in range(2):
        pipeline = dlt.pipeline("longshore", destination=destination, dataset_name=schema, pipelines_dir=folder)
        started = time.monotonic()
        pipeline.run(messages(), **options)
        print(json.dumps({"version": dlt.__version__, "rows": count, "seconds": time.monotonic() - started}), flush=True)
