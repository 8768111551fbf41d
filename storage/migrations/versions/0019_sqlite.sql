-- What 0019 makes on sqlite, frozen: what is known of each mailbox's rhythm.
CREATE TABLE mailbox_watch (
    account_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    limit_hours INTEGER,
    first_at BIGINT,
    newest_at BIGINT,
    hours BLOB NOT NULL,
    alarm_at BIGINT,
    silent_at BIGINT,
    PRIMARY KEY (account_id, mailbox_id)
);
