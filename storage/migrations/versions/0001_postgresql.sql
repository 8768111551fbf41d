-- The schema on postgresql, frozen: what 0001 makes. Later changes are later migrations; storage/schema says what it means.
-- A test holds the outcome of all migrations equal to storage/schema.

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

CREATE TABLE account (
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    stage TEXT NOT NULL,
    billing TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    stage_entered_at BIGINT NOT NULL,
    next_ticket_number BIGINT NOT NULL,
    stage_reason TEXT NOT NULL,
    stage_before TEXT,
    term_began_at BIGINT,
    deletion_asked_at BIGINT,
    PRIMARY KEY (id)
);

CREATE INDEX account_by_term ON account (stage, term_began_at) WHERE term_began_at IS NOT NULL;

CREATE TABLE address (
    address TEXT NOT NULL,
    account_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    PRIMARY KEY (address)
);

CREATE TABLE allow_list (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    role TEXT NOT NULL,
    network TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX allow_list_by_network ON allow_list (account_id, role, network);

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
    networks TEXT NOT NULL,
    PRIMARY KEY (hash)
);

CREATE UNIQUE INDEX api_token_of_account ON api_token (account_id, id);

CREATE TABLE backup (
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    targets TEXT NOT NULL,
    node INTEGER,
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    begun_at BIGINT,
    rows_done BIGINT,
    rows_total BIGINT,
    bytes_done BIGINT,
    finished_at BIGINT,
    failed_at BIGINT,
    failure TEXT,
    gone_at BIGINT,
    digest BYTEA,
    counts TEXT,
    PRIMARY KEY (id)
);

CREATE TABLE backup_target (
    node INTEGER NOT NULL,
    path TEXT NOT NULL,
    owed BIGINT NOT NULL,
    written BIGINT NOT NULL,
    lost_at BIGINT,
    lost_by TEXT,
    lost_reason TEXT,
    PRIMARY KEY (node, path)
);

CREATE TABLE billing_event (
    account_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, digest)
);

CREATE TABLE breach (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    noticed_at BIGINT NOT NULL,
    authority_told_at BIGINT,
    people_told_at BIGINT,
    closed_at BIGINT,
    outcome TEXT,
    PRIMARY KEY (account_id, id)
);

CREATE TABLE clock_mark (
    node INTEGER NOT NULL,
    seen_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (node)
);

CREATE TABLE consent (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    text_version TEXT NOT NULL,
    text_digest TEXT NOT NULL,
    how TEXT NOT NULL,
    given_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX consent_of_contact ON consent (account_id, contact_id);

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

CREATE TABLE erasure (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    node INTEGER NOT NULL,
    state TEXT NOT NULL,
    step TEXT NOT NULL,
    position BIGINT NOT NULL,
    actor TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    cut_at BIGINT NOT NULL,
    person BYTEA,
    commitment TEXT NOT NULL,
    counts TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    done_at BIGINT,
    receipt TEXT,
    backups_gone_at BIGINT,
    second_receipt TEXT,
    copies_deleted INTEGER NOT NULL,
    copies_marked INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE TABLE half_restored (
    backup_id BIGINT NOT NULL,
    begun_at BIGINT NOT NULL,
    PRIMARY KEY (backup_id)
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

CREATE TABLE id_block (
    name TEXT NOT NULL,
    next_id BIGINT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE idempotency (
    account_id BIGINT NOT NULL,
    actor TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    request BYTEA NOT NULL,
    answer BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, actor, route, key)
);

CREATE INDEX idempotency_by_age ON idempotency (account_id, created_at);

CREATE TABLE imap_copy (
    account_id BIGINT NOT NULL,
    folder_id BIGINT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    message_id BIGINT,
    known_by TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    opened_at BIGINT,
    keyword TEXT NOT NULL,
    gone_at BIGINT,
    id_hash BYTEA,
    identity BYTEA,
    size_bytes BIGINT,
    PRIMARY KEY (account_id, folder_id, uidvalidity, uid)
);

CREATE INDEX imap_copy_gone ON imap_copy (account_id, folder_id) WHERE gone_at IS NOT NULL;

CREATE INDEX imap_copy_of_message ON imap_copy (account_id, message_id);

CREATE TABLE imap_folder (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    uidvalidity BIGINT,
    last_uid BIGINT NOT NULL,
    quiet_uid BIGINT NOT NULL,
    state TEXT NOT NULL,
    fault TEXT NOT NULL,
    seen BIGINT NOT NULL,
    filed BIGINT NOT NULL,
    duplicate BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    newest_at BIGINT,
    success_at BIGINT,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX imap_folder_by_name ON imap_folder (account_id, source_id, name);

CREATE TABLE imap_source (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    node INTEGER NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    tls TEXT NOT NULL,
    login TEXT NOT NULL,
    auth TEXT NOT NULL,
    secret BYTEA,
    secret_from TEXT NOT NULL,
    local INTEGER NOT NULL,
    after_filing TEXT NOT NULL,
    after_argument TEXT NOT NULL,
    since BIGINT,
    poll_seconds INTEGER NOT NULL,
    idle INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    paused_at BIGINT,
    state TEXT NOT NULL,
    fault TEXT NOT NULL,
    fault_at BIGINT,
    connected_at BIGINT,
    feedback_from_moves INTEGER NOT NULL,
    junk_folder TEXT NOT NULL,
    erase_there INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX imap_source_by_mailbox ON imap_source (account_id, mailbox_id);

CREATE TABLE imap_todo (
    account_id BIGINT NOT NULL,
    folder_id BIGINT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    act TEXT NOT NULL,
    tries INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    erasure_id BIGINT,
    PRIMARY KEY (account_id, folder_id, uidvalidity, uid, act)
);

CREATE INDEX imap_todo_of_erasure ON imap_todo (account_id, erasure_id) WHERE erasure_id IS NOT NULL;

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

CREATE INDEX intake_of_ticket ON intake (account_id, ticket_id);

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

CREATE TABLE key_check (
    name TEXT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (name)
);

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

CREATE TABLE letter_rate (
    digest BYTEA NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (digest)
);

CREATE INDEX letter_rate_by_time ON letter_rate (sent_at);

CREATE TABLE link (
    hash BYTEA NOT NULL,
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

CREATE TABLE login_attempt (
    digest BYTEA NOT NULL,
    failures INTEGER NOT NULL,
    last_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    succeeded_at BIGINT,
    PRIMARY KEY (digest)
);

CREATE INDEX login_attempt_by_time ON login_attempt (last_at);

CREATE TABLE mail_domain (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    domain TEXT NOT NULL,
    token TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (account_id, domain)
);

CREATE TABLE mailbox (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    address TEXT NOT NULL,
    name TEXT NOT NULL,
    on_reply_to_closed TEXT NOT NULL,
    purpose TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX mailbox_by_address ON mailbox (account_id, address);

CREATE TABLE mailbox_watch (
    account_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    limit_hours INTEGER,
    first_at BIGINT,
    newest_at BIGINT,
    hours BYTEA NOT NULL,
    alarm_at BIGINT,
    silent_at BIGINT,
    PRIMARY KEY (account_id, mailbox_id)
);

CREATE TABLE mark (
    account_id BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    given_at BIGINT NOT NULL,
    revoked_at BIGINT,
    source TEXT NOT NULL,
    verdict_before TEXT NOT NULL,
    PRIMARY KEY (account_id, sequence)
);

CREATE INDEX mark_of_message ON mark (account_id, message_id, sequence);

CREATE INDEX mark_of_user ON mark (account_id, user_id, given_at);

CREATE TABLE mark_request (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    giver_id BIGINT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    noticed_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX mark_request_due ON mark_request (account_id, state, due_at);

CREATE UNIQUE INDEX mark_request_of_message ON mark_request (account_id, message_id, giver_id);

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
    verdict_reason TEXT,
    verdict_evidence TEXT,
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

CREATE TABLE oauth_grant (
    account_id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    flow TEXT NOT NULL,
    token_url TEXT NOT NULL,
    consent_url TEXT NOT NULL,
    scope TEXT NOT NULL,
    client_id TEXT NOT NULL,
    refresh_token BYTEA,
    life_seconds INTEGER,
    ends_at BIGINT,
    authorised_at BIGINT,
    renewed_at BIGINT,
    state TEXT NOT NULL,
    fault TEXT NOT NULL,
    fault_at BIGINT,
    PRIMARY KEY (account_id, source_id)
);

CREATE TABLE outbox (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    message_id BIGINT,
    ticket_id BIGINT,
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
    letter BYTEA,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX outbox_due ON outbox (account_id, next_attempt_at) WHERE state = 'queued';

CREATE INDEX outbox_letters ON outbox (account_id, done_at) WHERE message_id IS NULL;

CREATE INDEX outbox_of_message ON outbox (account_id, message_id);

CREATE INDEX outbox_of_recipient ON outbox (account_id, recipient, created_at);

CREATE TABLE participant (
    account_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (account_id, ticket_id, address)
);

CREATE TABLE person_key (
    account_id BIGINT NOT NULL,
    holder_kind TEXT NOT NULL,
    holder_id BIGINT NOT NULL,
    key BYTEA NOT NULL,
    PRIMARY KEY (account_id, holder_kind, holder_id)
);

CREATE TABLE person_tombstone (
    account_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    cut_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account_id, digest)
);

CREATE TABLE privacy_request (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    link BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    proven_at BIGINT,
    decided_at BIGINT,
    actor TEXT,
    waits_for TEXT,
    commitment TEXT,
    erasure_id BIGINT,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX privacy_request_by_link ON privacy_request (account_id, link);

CREATE TABLE queue_fault (
    account_id BIGINT NOT NULL,
    queue TEXT NOT NULL,
    item BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    first_at BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (account_id, queue, item)
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

CREATE TABLE recovery_code (
    account_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (account_id, user_id, hash)
);

CREATE TABLE recovery_key (
    name TEXT NOT NULL,
    public BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE redaction (
    account_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    redacted_at BIGINT NOT NULL,
    before BYTEA NOT NULL,
    change BYTEA NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account_id, message_id, redacted_at)
);

CREATE TABLE refusal (
    hour BIGINT NOT NULL,
    peer TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, peer, reason)
);

CREATE TABLE second_factor (
    account_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    secret BYTEA,
    pending BYTEA,
    last_timecode BIGINT NOT NULL,
    confirmed_at BIGINT,
    PRIMARY KEY (account_id, user_id)
);

CREATE TABLE sender_rule (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    list TEXT NOT NULL,
    pattern TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX sender_rule_by_pattern ON sender_rule (account_id, pattern);

CREATE TABLE session (
    hash BYTEA NOT NULL,
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

CREATE TABLE stage_warning (
    account_id BIGINT NOT NULL,
    days INTEGER NOT NULL,
    given_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, days)
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

CREATE INDEX ticket_of_assignee ON ticket (account_id, assignee_id) WHERE assignee_id IS NOT NULL;

CREATE INDEX ticket_of_contact ON ticket (account_id, contact_id);

CREATE TABLE ticket_mailbox (
    account_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    mailbox_id BIGINT NOT NULL,
    PRIMARY KEY (account_id, ticket_id, mailbox_id)
);

CREATE INDEX ticket_mailbox_by_mailbox ON ticket_mailbox (account_id, mailbox_id);

CREATE TABLE tombstone (
    account_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    erased_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (account_id, digest)
);

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
