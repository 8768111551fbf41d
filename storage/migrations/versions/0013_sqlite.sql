-- What 0013 makes on sqlite, frozen: how redacted messages were made of what older backups hold.
CREATE TABLE redaction (
    account_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    redacted_at BIGINT NOT NULL,
    before BLOB NOT NULL,
    change BLOB NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account_id, message_id, redacted_at)
);
