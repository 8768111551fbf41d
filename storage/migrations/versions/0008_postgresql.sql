-- What 0008 makes on postgresql, frozen: holds; stages with their terms, warnings, what billing said, the clock of sweeps.
ALTER TABLE account ADD COLUMN stage_reason TEXT NOT NULL DEFAULT 'made';

ALTER TABLE account ADD COLUMN stage_before TEXT;

ALTER TABLE account ADD COLUMN term_began_at BIGINT;

ALTER TABLE account ADD COLUMN deletion_asked_at BIGINT;

CREATE INDEX account_by_term ON account (stage, term_began_at) WHERE term_began_at IS NOT NULL;

CREATE TABLE stage_warning (
    account_id BIGINT NOT NULL,
    days INTEGER NOT NULL,
    given_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, days)
);

CREATE TABLE billing_event (
    account_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, digest)
);

CREATE TABLE hold (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    object_id BIGINT,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ends_at BIGINT,
    lifted_at BIGINT,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX hold_of_object ON hold (account_id, kind, object_id);

CREATE TABLE clock_mark (
    node INTEGER NOT NULL,
    seen_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (node)
);
