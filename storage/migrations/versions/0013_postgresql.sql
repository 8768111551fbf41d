-- What 0013 makes on postgresql, frozen: how redacted messages were made of what older backups hold.
CREATE TABLE redaction (
    account_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    redacted_at BIGINT NOT NULL,
    before BYTEA NOT NULL,
    change BYTEA NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account_id, message_id, redacted_at)
);
