-- What 0015 makes on postgresql, frozen: where each filed mail lies at its provider.
CREATE TABLE imap_copy (
    account_id BIGINT NOT NULL,
    folder_id BIGINT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    message_id BIGINT,
    known_by TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, folder_id, uidvalidity, uid)
);

CREATE INDEX imap_copy_of_message ON imap_copy (account_id, message_id);
