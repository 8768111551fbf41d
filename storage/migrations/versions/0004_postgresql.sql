-- What 0004 makes on postgresql, frozen: journal rows chained by hash, the signed anchors that
-- name the chains' heads, and grants.
ALTER TABLE journal RENAME TO journal_before;
DROP INDEX journal_by_object;
CREATE TABLE journal (
    account_id BIGINT NOT NULL,
    node INTEGER NOT NULL,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    verb TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (account_id, node, sequence)
);
CREATE INDEX journal_by_object ON journal (account_id, object);
CREATE INDEX journal_by_time ON journal (account_id, at, node, sequence);
CREATE TABLE journal_anchor (
    node INTEGER NOT NULL,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    heads TEXT NOT NULL,
    previous BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (node, sequence)
);
CREATE TABLE access_grant (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    operator_uid BIGINT NOT NULL,
    reason TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (account_id, id)
);
