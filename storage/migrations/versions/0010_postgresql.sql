-- What 0010 makes on postgresql, frozen: keys of the holders in backups, the ledger of backups, the recovery key.
CREATE TABLE person_key (
    account_id BIGINT NOT NULL,
    holder_kind TEXT NOT NULL,
    holder_id BIGINT NOT NULL,
    key BYTEA NOT NULL,
    PRIMARY KEY (account_id, holder_kind, holder_id)
);
CREATE TABLE backup (
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    targets TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    finished_at BIGINT,
    gone_at BIGINT,
    digest BYTEA,
    counts TEXT,
    PRIMARY KEY (id)
);
CREATE TABLE recovery_key (
    name TEXT NOT NULL,
    public BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (name)
);
