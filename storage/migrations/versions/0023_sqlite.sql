-- What 0023 makes on sqlite, frozen: mail of people who are erased is deleted at their providers.
ALTER TABLE imap_source ADD COLUMN erase_there INTEGER NOT NULL DEFAULT 0;

ALTER TABLE imap_todo ADD COLUMN erasure_id BIGINT;

CREATE INDEX imap_todo_of_erasure ON imap_todo (account_id, erasure_id) WHERE erasure_id IS NOT NULL;

ALTER TABLE erasure ADD COLUMN copies_deleted INTEGER NOT NULL DEFAULT 0;

ALTER TABLE erasure ADD COLUMN copies_marked INTEGER NOT NULL DEFAULT 0;
