-- What 0018 makes on postgresql, frozen: when the last backup that held an erased person went, and the receipt that says so.
ALTER TABLE erasure ADD COLUMN backups_gone_at BIGINT;

ALTER TABLE erasure ADD COLUMN second_receipt TEXT;
