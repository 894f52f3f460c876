"""Exports, read by programs that know nothing of us, against the mirror they were made of.

    read_exports.py STORE.db EXPORTS

EXPORTS holds ndjson/, csv/, packed/ and neutral/, and parquet/ where the program writes it. The mirror is read by Python's own sqlite3; the exports by DuckDB and by PyArrow. Every
row of every table is compared, types and nulls included; then every view of analysis/ is asked of DuckDB over both formats and of SQLite over
the store, and held against the same figures worked out here; then each line of the neutral format is held against its schema and the mirror.
"""

import collections
import datetime
import json
import pathlib
import re
import sqlite3
import statistics
import sys

import duckdb
import jsonschema
import pyarrow
import pyarrow.csv
import pyarrow.dataset
import pyarrow.json
import pyarrow.parquet

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "analysis"))
import open as kit  # noqa: E402

# The run that writes an export is in the store with its end, and in the export without.
CHANGING = {"export_runs"}
ARROW = {
    "integer": pyarrow.int64(),
    "instant": pyarrow.int64(),
    "flag": pyarrow.bool_(),
    "real": pyarrow.float64(),
    "text": pyarrow.string(),
    "json": pyarrow.string(),
    "bytes": pyarrow.string(),
}
BLOCK_BYTES = 64 * 1024 * 1024
DAY = 86_400_000


def parsed(text):
    """A JSON document with the digits of its numbers, whatever white space stands between."""
    if text is None:
        return None
    try:
        return json.loads(text, parse_int=lambda digits: ("number", digits), parse_float=lambda digits: ("number", digits))
    except ValueError:
        return text


def rows_of_mirror(store, table, kinds):
    """The rows as the exports should have them."""
    convert = {
        "flag": lambda value: None if value is None else bool(value),
        "bytes": lambda value: None if value is None else value.hex(),
        "json": parsed,
    }
    same = lambda value: value  # noqa: E731
    shown = [convert.get(kind, same) for kind in kinds.values()]
    found = store.execute(f"SELECT {', '.join(kinds)} FROM {table}")
    return sorted_rows(tuple(show(value) for show, value in zip(shown, row)) for row in found)


def sorted_rows(rows):
    return sorted(rows, key=repr)


def compare(what, found, expected):
    if found == expected:
        return
    extra = [row for row in found if row not in expected][:3]
    missing = [row for row in expected if row not in found][:3]
    sys.exit(f"{what}: {len(found)} rows, {len(expected)} in the mirror\n  not there: {extra}\n  not read: {missing}")


def rows_by_duckdb(connection, table, kinds):
    shown = [f"CAST({name} AS VARCHAR)" if kind == "json" else name for name, kind in kinds.items()]
    found = connection.execute(f"SELECT {', '.join(shown)} FROM {table}").fetchall()
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {table}").fetchall()}
    expected = {name: kit.TYPES[kind] for name, kind in kinds.items()}
    if types != expected:
        sys.exit(f"{table}: types {types}, not {expected}")
    is_json = [kind == "json" for kind in kinds.values()]
    return sorted_rows(tuple(parsed(value) if json_column else value for json_column, value in zip(is_json, row)) for row in found)


def rows_of_dataset(read, kinds):
    """The rows of a table that PyArrow has read from Parquet, its values as the mirror has them."""
    shown = []
    for name, kind in kinds.items():
        column = read.column(name)
        if kind == "instant" and pyarrow.types.is_timestamp(column.type):
            column = column.cast(pyarrow.timestamp("ms", column.type.tz)).cast(pyarrow.int64())
        values = column.to_pylist()
        if kind == "bytes":
            values = [value.hex() if isinstance(value, bytes) else value for value in values]
        if kind == "json":
            values = [parsed(value) for value in values]
        shown.append(values)
    return list(zip(*shown)), list(kinds)


def rows_of_ndjson(source, kinds):
    """The columns of NDJSON that are no JSON, which PyArrow cannot read as texts."""
    schema = {name: ARROW[kind] for name, kind in kinds.items() if kind != "json"}
    read = pyarrow.json.read_json(
        source,
        read_options=pyarrow.json.ReadOptions(block_size=BLOCK_BYTES),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=pyarrow.schema(schema), unexpected_field_behavior="ignore"),
    )
    names = list(schema)
    return list(zip(*(read.column(name).to_pylist() for name in names))), names


def rows_by_pyarrow(folder, table, kinds):
    """CSV and Parquet whole; of NDJSON the columns that are no JSON. In Parquet the organization stands in the path."""
    if (folder / "tables").is_dir():
        lake = folder / "tables" / table
        if not lake.is_dir():
            return [], list(kinds)
        return rows_of_dataset(pyarrow.dataset.dataset(lake, partitioning="hive").to_table(columns=list(kinds)), kinds)
    as_csv = folder / f"{table}.csv"
    if not as_csv.is_file():
        path = folder / f"{table}.ndjson"
        return rows_of_ndjson(path, kinds) if path.stat().st_size else ([], kinds)
    read = pyarrow.csv.read_csv(
        as_csv,
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: ARROW[kind] for name, kind in kinds.items()},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    columns = [read.column(name).to_pylist() for name in kinds]
    shown = [[parsed(value) for value in column] if kinds[name] == "json" else column for name, column in zip(kinds, columns)]
    return list(zip(*shown)), list(kinds)


def compare_rows(what, found, expected, kinds):
    """Rows of all columns, or of those that are named, against all of the mirror's."""
    rows, names = found
    places = [list(kinds).index(name) for name in names]
    compare(what, sorted_rows(rows), sorted_rows(tuple(row[place] for place in places) for row in expected))


def forms(exports):
    """The formats that are there."""
    return [form for form in ("ndjson", "csv", "parquet") if (exports / form).is_dir()]


def check_tables(store, exports):
    rows = 0
    for form in forms(exports):
        connection = kit.open_export(exports / form)
        for table, kinds in kit.tables().items():
            expected = rows_of_mirror(store, table, kinds)
            by_duckdb = rows_by_duckdb(connection, table, kinds)
            by_pyarrow = rows_by_pyarrow(exports / form, table, kinds)
            if table in CHANGING:
                continue
            compare(f"{table} as {form}, by DuckDB", by_duckdb, expected)
            compare_rows(f"{table} as {form}, by PyArrow", by_pyarrow, expected, kinds)
            rows += len(expected)
    print(f"{rows} rows read by DuckDB and by PyArrow are those of the mirror")


def role(message):
    if message["kind"] in ("private_note", "private_prompt", "suggestion"):
        return "note"
    if message["kind"] != "chat":
        return "edit" if message["kind"] == "edit" else "other"
    if message["author_kind"] == "contact":
        return "visitor"
    if message["author_kind"] != "user":
        return "other"
    return "bot" if message["author_bot"] else "agent"


def page_of(messages):
    for message in messages:
        context = json.loads(message["extra"]).get("context") or {}
        if message["created_at"] is not None and context.get("href") is not None:
            return re.sub(r"^[A-Za-z]+://", "", re.split(r"[?#]", context["href"])[0]).rstrip("/")
    return None


def first_response(messages):
    """The wait for a person: how long, and who answered; None for no answer."""
    clock = [(message["created_at"], role(message), message["author_id"]) for message in messages if message["created_at"] is not None]
    clock = [entry for entry in clock if entry[1] in ("visitor", "bot", "agent")]
    opened = next((place for place, entry in enumerate(clock) if entry[1] == "visitor"), None)
    if opened is None:
        return None
    answer = next((place for place in range(opened + 1, len(clock)) if clock[place][1] == "agent"), None)
    if answer is None:
        return clock[opened][0], None, None, any(entry[1] == "bot" for entry in clock)
    start = opened
    bots = [place for place in range(opened + 1, answer) if clock[place][1] == "bot"]
    if bots:
        start = next((place for place in range(bots[-1] + 1, answer) if clock[place][1] == "visitor"), bots[-1])
    return clock[opened][0], clock[answer][0] - clock[start][0], clock[answer][2], None


def worked_out(store):
    """The views' figures, by other means."""
    store.row_factory = sqlite3.Row
    by_conversation = collections.defaultdict(list)
    for message in store.execute("SELECT * FROM messages WHERE live ORDER BY created_at, message_id"):
        by_conversation[message["conversation_id"]].append(message)
    names = {row["user_id"]: row["name"] for row in store.execute("SELECT * FROM users")}
    playbooks = {row["playbook_id"]: row["name"] for row in store.execute("SELECT * FROM playbooks")}
    booked = {row[0] for row in store.execute("SELECT conversation_id FROM meetings WHERE status = 'ACTIVE'")}
    day = lambda at: datetime.datetime.fromtimestamp(at / 1000, datetime.timezone.utc).strftime("%Y-%m-%d")  # noqa: E731
    volume, by_playbook, by_page = (collections.defaultdict(lambda: [0] * 4) for _ in range(3))
    responses, waits, wrote = collections.defaultdict(list), collections.defaultdict(list), collections.defaultdict(lambda: [set(), 0])
    for conversation in store.execute("SELECT * FROM conversations"):
        messages = by_conversation[conversation["conversation_id"]]
        roles = [role(message) for message in messages]
        deleted = {message["edited_message_id"] for message in messages if message["edit_type"] == "delete"}
        response = first_response(messages)
        engaged, with_agent = "visitor" in roles, "agent" in roles
        began = response[0] if response else conversation["created_at"]
        counts = [1, engaged, not engaged, with_agent]
        add(volume[(day(began), conversation["status"])], counts)
        add(by_page[page_of(messages)], [1, engaged, with_agent, 0])
        add(by_playbook[conversation["related_playbook_id"]], [1, engaged, with_agent, conversation["conversation_id"] in booked])
        if response:
            responses[day(response[0])].append(response)
            if response[1] is not None:
                waits[response[2]].append(response[1])
        for message, its_role in zip(messages, roles):
            if its_role == "agent":
                wrote[message["author_id"]][0].add(message["conversation_id"])
                wrote[message["author_id"]][1] += message["message_id"] not in deleted
    store.row_factory = None
    return {
        "volume_by_day": [(*key, *counts) for key, counts in volume.items()],
        "response_by_day": [(key, *summary(found)) for key, found in responses.items()],
        "playbooks": [(key, playbooks.get(key), *counts) for key, counts in by_playbook.items()],
        "pages": [(key, *counts[:3]) for key, counts in by_page.items()],
        "agents": [
            (key, names.get(key), len(found), count, len(waits[key]), statistics.median(waits[key]) if waits[key] else None)
            for key, (found, count) in wrote.items()
        ],
    }


def add(counts, more):
    for place, count in enumerate(more):
        counts[place] += int(count)


def summary(responses):
    waits = [wait for _, wait, _, _ in responses if wait is not None]
    by_bot = sum(1 for _, wait, _, bot in responses if wait is None and bot)
    nobody = sum(1 for _, wait, _, bot in responses if wait is None and not bot)
    if not waits:
        return None, None, 0, by_bot, nobody
    return statistics.median(waits), statistics.mean(waits), len(waits), by_bot, nobody


def rounded(rows):
    """Rows without the organization, means to the microsecond."""
    return sorted_rows(tuple(round(value, 3) if isinstance(value, float) else value for value in row) for row in rows)


def check_views(store, exports):
    expected = {
        view: rounded(tuple(float(value) if view in ("response_by_day", "agents") and place in FLOATS[view] and value is not None else value
                            for place, value in enumerate(row)) for row in rows)
        for view, rows in worked_out(store).items()
    }
    for script in ("engine/sqlite.sql", "views.sql"):
        store.executescript((ROOT / "analysis" / script).read_text())
    readers = {f"DuckDB over {form}": kit.open_export(exports / form) for form in forms(exports)}
    readers["SQLite"] = store
    for reader, connection in readers.items():
        for view, rows in expected.items():
            found = [row[1:] for row in connection.execute(f"SELECT * FROM analysis_{view}").fetchall()]
            compare(f"analysis_{view}, by {reader}", rounded(found), rows)
    print(f"{len(expected)} views answer alike on DuckDB and SQLite, and as worked out")


FLOATS = {"response_by_day": (1, 2), "agents": (5,)}


def check_neutral(store, exports):
    schema = json.loads((ROOT / "docs" / "conversation.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    live = collections.defaultdict(dict)
    for conversation, message, created_at, kind, text in store.execute(
        "SELECT conversation_id, message_id, created_at, author_kind, text FROM messages WHERE live"
    ):
        live[conversation][message] = (created_at, kind, text)
    seen = set()
    with (exports / "neutral" / "conversations.ndjson").open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            conversation = json.loads(line)
            for error in validator.iter_errors(conversation):
                sys.exit(f"conversation {conversation['conversation_id']}: {error.json_path}: {error.message}")
            seen.add(conversation["conversation_id"])
            check_conversation(conversation, live[conversation["conversation_id"]])
    expected = {row[0] for row in store.execute("SELECT conversation_id FROM conversations")}
    compare("the neutral format", sorted(seen), sorted(expected))
    path = exports / "neutral" / "conversations.ndjson"
    counted = duckdb.sql(
        f"SELECT COUNT(*), SUM(len(messages)) FROM read_json('{path}', format = 'newline_delimited', "
        "columns = {conversation_id: 'BIGINT', messages: 'JSON[]'}, maximum_object_size = 268435456)"
    ).fetchone()
    print(f"{counted[0]} conversations with {counted[1]} messages in the neutral format keep to its schema and are those of the mirror")


def check_conversation(conversation, live):
    told = dict(live)
    words = lambda text: re.sub(r"[\W_]", "", text or "")  # noqa: E731
    for message in conversation["messages"]:
        created_at, kind, text = told.pop(message["id"])
        same = (message["created_at"], message["author"]["kind"]) == (created_at, kind)
        # The two texts lay out blocks and links each in their own way.
        if message["state"] == "as_sent" and "<a " not in (message["html"] or ""):
            same = same and words(message["text"]) == words(text)
        if not same:
            sys.exit(f"message {message['id']} is not that of the mirror: {message}")
        for edit in message["edits"]:
            told.pop(edit["message_id"])
    if told:
        sys.exit(f"conversation {conversation['conversation_id']} lacks messages {sorted(told)}")


def check_packed(exports):
    """Compressed files, unpacked by PyArrow, are those that are not, byte for byte."""
    files = 0
    for form, ending, codec in (("csv", "gz", "gzip"), ("ndjson", "zst", "zstd")):
        for path in sorted((exports / "packed" / form).glob(f"*.{form}.{ending}")):
            plain = exports / form / path.name.removesuffix(f".{ending}")
            with pyarrow.input_stream(str(path), compression=codec) as packed:
                if plain.stem not in CHANGING and packed.read() != plain.read_bytes():
                    sys.exit(f"{path} is not {plain}, packed")
            files += 1
    if files < 20:
        sys.exit(f"{files} compressed files, where each table has two")
    print(f"{files} files that are compressed with gzip and zstd, unpacked by PyArrow, are those that are not")


def check_transcripts(store, exports):
    """The table of transcripts holds what the files of the same export do."""
    read = pyarrow.parquet.read_table(exports / "told" / "tables" / "transcripts")
    files = {path.stem: path for path in (exports / "told" / "transcripts").glob("*/conversation-*.txt")}
    for row in read.to_pylist():
        path = files.pop(f"conversation-{row['conversation_id']}")
        for column, ending in (("text", ".txt"), ("markdown", ".md")):
            if row[column] != path.with_suffix(ending).read_bytes().decode():
                sys.exit(f"{column} of conversation {row['conversation_id']} is not {path.with_suffix(ending)}")
        if not row["html"].startswith("<!doctype html>"):
            sys.exit(f"html of conversation {row['conversation_id']} is no page")
    rows = store.execute("SELECT COUNT(*) FROM conversations").fetchone()[0]
    if files or read.num_rows != rows:
        sys.exit(f"{read.num_rows} transcripts of {rows} conversations, without {sorted(files)[:3]}")
    print(f"{rows} transcripts in the table are those in the files")


def main():
    store_path, exports = sys.argv[1], pathlib.Path(sys.argv[2])
    store = sqlite3.connect(store_path)
    check_tables(store, exports)
    check_packed(exports)
    check_transcripts(store, exports)
    check_views(store, exports)
    check_neutral(store, exports)


if __name__ == "__main__":
    main()
