-- What 0007 makes on sqlite, frozen: tombstones of messages and of people.
CREATE TABLE tombstone (
    account_id BIGINT NOT NULL,
    digest BLOB NOT NULL,
    erased_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account_id, digest)
) WITHOUT ROWID;
CREATE TABLE person_tombstone (
    account_id BIGINT NOT NULL,
    digest BLOB NOT NULL,
    cut_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account_id, digest)
) WITHOUT ROWID;
