-- What 0012 makes on sqlite, frozen: OAuth authorisations of mailboxes at providers.
CREATE TABLE oauth_grant (
    account_id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    flow TEXT NOT NULL,
    token_url TEXT NOT NULL,
    consent_url TEXT NOT NULL,
    scope TEXT NOT NULL,
    client_id TEXT NOT NULL,
    refresh_token BLOB,
    life_seconds INTEGER,
    ends_at BIGINT,
    authorised_at BIGINT,
    renewed_at BIGINT,
    state TEXT NOT NULL,
    fault TEXT NOT NULL,
    fault_at BIGINT,
    PRIMARY KEY (account_id, source_id)
);
