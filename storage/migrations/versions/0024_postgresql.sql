-- What 0024 makes on postgresql, frozen: rows of queues that failed.
CREATE TABLE queue_fault (
    account_id BIGINT NOT NULL,
    queue TEXT NOT NULL,
    item BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    first_at BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (account_id, queue, item)
);
