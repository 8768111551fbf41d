-- What 0006 makes on postgresql, frozen: mailboxes that mail is fetched from by IMAP, their folders, what is owed there.
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
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX imap_source_by_mailbox ON imap_source (account_id, mailbox_id);
CREATE TABLE imap_folder (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    name TEXT NOT NULL,
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
CREATE TABLE imap_todo (
    account_id BIGINT NOT NULL,
    folder_id BIGINT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    act TEXT NOT NULL,
    tries INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, folder_id, uidvalidity, uid, act)
);
