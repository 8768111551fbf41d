-- What 0017 makes on postgresql, frozen: marks that are asked for, and what is seen of mail at a provider.
ALTER TABLE mailbox ADD COLUMN purpose TEXT NOT NULL DEFAULT 'support';

ALTER TABLE imap_source ADD COLUMN feedback_from_moves INTEGER NOT NULL DEFAULT 0;

ALTER TABLE imap_source ADD COLUMN junk_folder TEXT NOT NULL DEFAULT '';

ALTER TABLE imap_folder ADD COLUMN role TEXT NOT NULL DEFAULT 'mail';

ALTER TABLE imap_copy ADD COLUMN opened_at BIGINT;

ALTER TABLE imap_copy ADD COLUMN keyword TEXT NOT NULL DEFAULT '';

ALTER TABLE imap_copy ADD COLUMN gone_at BIGINT;

ALTER TABLE imap_copy ADD COLUMN id_hash BYTEA;

ALTER TABLE imap_copy ADD COLUMN identity BYTEA;

ALTER TABLE imap_copy ADD COLUMN size_bytes BIGINT;

CREATE INDEX imap_copy_gone ON imap_copy (account_id, folder_id) WHERE gone_at IS NOT NULL;

CREATE TABLE mark_request (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    giver_id BIGINT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    noticed_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX mark_request_of_message ON mark_request (account_id, message_id, giver_id);

CREATE INDEX mark_request_due ON mark_request (account_id, state, due_at);
