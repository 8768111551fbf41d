-- The first schema on postgresql, frozen: what 0001 makes. Later changes are later migrations; storage/schema says what it means.
-- A test holds the outcome of all migrations equal to storage/schema.

CREATE TABLE account (
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    stage TEXT NOT NULL,
    billing TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    stage_entered_at BIGINT NOT NULL,
    next_ticket_number BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE address (
    address TEXT NOT NULL,
    account_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    PRIMARY KEY (address)
);

CREATE TABLE api_token (
    hash BYTEA NOT NULL,
    id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (hash)
);

CREATE UNIQUE INDEX api_token_of_account ON api_token (account_id, id);

CREATE TABLE contact (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE TABLE contact_address (
    account_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    contact_id BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
);

CREATE INDEX contact_address_of ON contact_address (account_id, contact_id);

CREATE TABLE id_block (
    name TEXT NOT NULL,
    next_id BIGINT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE intake (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    source TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    mail_from TEXT,
    recipient TEXT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    peer TEXT NOT NULL,
    helo TEXT NOT NULL,
    tls SMALLINT NOT NULL,
    fate TEXT NOT NULL,
    reason TEXT NOT NULL,
    message_id BIGINT,
    ticket_id BIGINT,
    size_bytes INTEGER NOT NULL,
    trace TEXT,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX intake_of_message ON intake (account_id, message_id);

CREATE TABLE journal (
    account_id BIGINT NOT NULL,
    node INTEGER NOT NULL,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    verb TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (account_id, node, sequence)
);

CREATE INDEX journal_by_object ON journal (account_id, object);

CREATE TABLE ledger (
    account_id BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    contact_id BIGINT,
    label TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    given_at BIGINT NOT NULL,
    features_version INTEGER NOT NULL,
    features BYTEA NOT NULL,
    stamp BIGINT NOT NULL,
    PRIMARY KEY (account_id, sequence)
);

CREATE UNIQUE INDEX ledger_by_message ON ledger (account_id, message_id);

CREATE INDEX ledger_of_user ON ledger (account_id, user_id);

CREATE TABLE ledger_head (
    account_id BIGINT NOT NULL,
    next_sequence BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    rewritten BIGINT NOT NULL,
    PRIMARY KEY (account_id)
);

CREATE TABLE mailbox (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    address TEXT NOT NULL,
    name TEXT NOT NULL,
    on_reply_to_closed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX mailbox_by_address ON mailbox (account_id, address);

CREATE TABLE mark (
    account_id BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    given_at BIGINT NOT NULL,
    revoked_at BIGINT,
    verdict_before TEXT NOT NULL,
    PRIMARY KEY (account_id, sequence)
);

CREATE INDEX mark_of_message ON mark (account_id, message_id, sequence);

CREATE INDEX mark_of_user ON mark (account_id, user_id, given_at);

CREATE TABLE message (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    contact_id BIGINT,
    user_id BIGINT,
    direction TEXT NOT NULL,
    source TEXT NOT NULL,
    identity BYTEA NOT NULL,
    message_id TEXT NOT NULL,
    from_address TEXT NOT NULL,
    from_name TEXT NOT NULL,
    subject TEXT NOT NULL,
    sent_at BIGINT,
    received_at BIGINT NOT NULL,
    size_bytes INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    probability FLOAT,
    log_odds FLOAT,
    thread_reason TEXT NOT NULL,
    thread_evidence TEXT NOT NULL,
    automatic TEXT NOT NULL,
    authentication TEXT NOT NULL,
    flags TEXT NOT NULL,
    unreadable SMALLINT NOT NULL,
    redacted_at BIGINT,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX message_by_identity ON message (account_id, identity);

CREATE INDEX message_of_contact ON message (account_id, contact_id);

CREATE INDEX message_of_ticket ON message (account_id, ticket_id, id);

CREATE INDEX message_unreadable ON message (account_id, id) WHERE unreadable = 1;

CREATE TABLE message_reference (
    account_id BIGINT NOT NULL,
    id_hash BYTEA NOT NULL,
    message_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    PRIMARY KEY (account_id, id_hash, message_id)
);

CREATE INDEX message_reference_of ON message_reference (account_id, message_id);

CREATE TABLE note (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    text TEXT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX note_of_ticket ON note (account_id, ticket_id);

CREATE TABLE outbox (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    mail_from TEXT,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    done_at BIGINT,
    reply TEXT,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX outbox_due ON outbox (account_id, next_attempt_at) WHERE state = 'queued';

CREATE INDEX outbox_of_message ON outbox (account_id, message_id);

CREATE INDEX outbox_of_recipient ON outbox (account_id, recipient, created_at);

CREATE TABLE participant (
    account_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (account_id, ticket_id, address)
);

CREATE TABLE raw (
    account_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    slice INTEGER NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (account_id, message_id, slice)
);

CREATE TABLE raw_pending (
    account_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    stored_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, message_id)
);

CREATE TABLE refusal (
    hour BIGINT NOT NULL,
    peer TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, peer, reason)
);

CREATE TABLE ticket (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    contact_id BIGINT,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    state_before TEXT,
    assignee_id BIGINT,
    merged_into BIGINT,
    may_belong_to BIGINT,
    flood SMALLINT NOT NULL,
    message_count INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    probability FLOAT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX ticket_by_number ON ticket (account_id, number);

CREATE INDEX ticket_by_state ON ticket (account_id, state, id);

CREATE INDEX ticket_merged_into ON ticket (account_id, merged_into) WHERE merged_into IS NOT NULL;

CREATE INDEX ticket_of_contact ON ticket (account_id, contact_id);

CREATE TABLE ticket_mailbox (
    account_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    PRIMARY KEY (account_id, ticket_id, mailbox_id)
);

CREATE INDEX ticket_mailbox_by_mailbox ON ticket_mailbox (account_id, mailbox_id);

CREATE TABLE "user" (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT,
    uid BIGINT,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX user_by_email ON "user" (account_id, email);

CREATE TABLE message_index (account_id BIGINT NOT NULL, message_id BIGINT NOT NULL, words TSVECTOR NOT NULL, PRIMARY KEY (account_id, message_id));

CREATE INDEX message_index_words ON message_index USING gin (words) WITH (fastupdate = off);

INSERT INTO id_block (name, next_id) VALUES ('id', 1000000000);
