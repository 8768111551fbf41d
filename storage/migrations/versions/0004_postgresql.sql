ALTER TABLE contact ADD COLUMN objected_at BIGINT;

CREATE INDEX contact_objecting ON contact (account_id, id) WHERE objected_at IS NOT NULL;
