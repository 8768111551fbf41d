ALTER TABLE ticket ADD COLUMN priority SMALLINT NOT NULL DEFAULT 0;

ALTER TABLE ticket ADD COLUMN responsible_id BIGINT;

ALTER TABLE ticket ADD COLUMN snoozed_until BIGINT;

CREATE TABLE tag (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX tag_by_name ON tag (account_id, name);

CREATE TABLE ticket_tag (
    account_id BIGINT NOT NULL,
    tag_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    PRIMARY KEY (account_id, tag_id, ticket_id)
) WITHOUT ROWID;

CREATE INDEX ticket_tag_of_ticket ON ticket_tag (account_id, ticket_id);

CREATE TABLE ticket_watcher (
    account_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    PRIMARY KEY (account_id, user_id, ticket_id)
) WITHOUT ROWID;

CREATE INDEX ticket_watcher_of_ticket ON ticket_watcher (account_id, ticket_id);

CREATE INDEX ticket_by_priority ON ticket (account_id, state, priority, id);

CREATE INDEX ticket_of_responsible ON ticket (account_id, responsible_id, state, last_activity_at, id)
 WHERE responsible_id IS NOT NULL;

CREATE INDEX ticket_snoozed ON ticket (account_id, snoozed_until) WHERE snoozed_until IS NOT NULL;
