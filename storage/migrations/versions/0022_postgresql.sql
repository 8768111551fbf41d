-- What 0022 makes on postgresql, frozen: backups as jobs, and the mark of a restore that did not end.
ALTER TABLE backup ADD COLUMN node INTEGER;
ALTER TABLE backup ADD COLUMN begun_at BIGINT;
ALTER TABLE backup ADD COLUMN rows_done BIGINT;
ALTER TABLE backup ADD COLUMN rows_total BIGINT;
ALTER TABLE backup ADD COLUMN bytes_done BIGINT;
ALTER TABLE backup ADD COLUMN failed_at BIGINT;
ALTER TABLE backup ADD COLUMN failure TEXT;

CREATE TABLE half_restored (
    backup_id BIGINT NOT NULL,
    begun_at BIGINT NOT NULL,
    PRIMARY KEY (backup_id)
);
