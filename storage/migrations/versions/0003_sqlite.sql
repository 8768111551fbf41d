ALTER TABLE contact ADD COLUMN merged_into BIGINT;

CREATE INDEX contact_merged_into ON contact (account_id, merged_into) WHERE merged_into IS NOT NULL;
