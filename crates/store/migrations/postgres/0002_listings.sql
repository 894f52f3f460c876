-- Which conversations a pass over the list has shown; emptied when its run ends.
CREATE TABLE listings (
    run_id TEXT NOT NULL,
    pass BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    PRIMARY KEY (run_id, pass, conversation_id)
);
