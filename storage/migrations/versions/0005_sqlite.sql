-- What 0005 makes on sqlite, frozen: sessions, links, second factors, attempts; networks of ApiTokens; tickets by assignee.
CREATE TABLE session (
    hash BLOB NOT NULL,
    id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    peer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    fresh_until BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (hash)
);

CREATE UNIQUE INDEX session_of_user ON session (account_id, user_id, id);

CREATE TABLE link (
    hash BLOB NOT NULL,
    id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (hash)
);

CREATE UNIQUE INDEX link_of_user ON link (account_id, user_id, id);

CREATE TABLE second_factor (
    account_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    secret BLOB,
    pending BLOB,
    last_timecode BIGINT NOT NULL,
    confirmed_at BIGINT,
    PRIMARY KEY (account_id, user_id)
);

CREATE TABLE recovery_code (
    account_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    hash BLOB NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (account_id, user_id, hash)
);

CREATE TABLE login_attempt (
    digest BLOB NOT NULL,
    failures INTEGER NOT NULL,
    last_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    succeeded_at BIGINT,
    PRIMARY KEY (digest)
);

CREATE INDEX login_attempt_by_time ON login_attempt (last_at);

ALTER TABLE api_token ADD COLUMN networks TEXT NOT NULL DEFAULT '';

CREATE INDEX ticket_of_assignee ON ticket (account_id, assignee_id) WHERE assignee_id IS NOT NULL;
