ALTER TABLE mailbox ADD COLUMN retired_at BIGINT;
