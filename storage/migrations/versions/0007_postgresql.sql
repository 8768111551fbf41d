-- What 0007 makes on postgresql, frozen: tombstones of messages and of people.
CREATE TABLE tombstone (
    account_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    erased_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account_id, digest)
);
CREATE TABLE person_tombstone (
    account_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    cut_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account_id, digest)
);
