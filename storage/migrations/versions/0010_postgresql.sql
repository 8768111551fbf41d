CREATE TABLE rule (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    enabled SMALLINT NOT NULL,
    fault TEXT,
    turn BIGINT NOT NULL,
    looked_until BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX rule_in_order ON rule (account_id, position, id);

CREATE TABLE rule_set (
    account_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (account_id)
);

CREATE INDEX ticket_by_change ON ticket (account_id, state, updated_at) WHERE state IN ('open', 'pending');
