-- What 0009 makes on sqlite, frozen: rules for senders; the reason of a verdict; the source of a mark.
CREATE TABLE sender_rule (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    list TEXT NOT NULL,
    pattern TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX sender_rule_by_pattern ON sender_rule (account_id, pattern);
ALTER TABLE message ADD COLUMN verdict_reason TEXT;
ALTER TABLE message ADD COLUMN verdict_evidence TEXT;
ALTER TABLE mark ADD COLUMN source TEXT NOT NULL DEFAULT 'mark';
