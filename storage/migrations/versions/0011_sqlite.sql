-- What 0011 makes on sqlite, frozen: erasures of people.
CREATE TABLE erasure (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    node INTEGER NOT NULL,
    state TEXT NOT NULL,
    step TEXT NOT NULL,
    position BIGINT NOT NULL,
    actor TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    cut_at BIGINT NOT NULL,
    person BLOB,
    commitment TEXT NOT NULL,
    counts TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    done_at BIGINT,
    receipt TEXT,
    PRIMARY KEY (account_id, id)
);
