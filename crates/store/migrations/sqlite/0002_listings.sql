-- Which conversations a pass over the list has shown; emptied when its run ends.
CREATE TABLE listings (
    run_id TEXT NOT NULL,
    pass INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    PRIMARY KEY (run_id, pass, conversation_id)
) STRICT, WITHOUT ROWID;
