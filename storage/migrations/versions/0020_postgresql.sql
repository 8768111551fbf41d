-- What 0020 makes on postgresql, frozen: what people ask about their own data; letters found by their end.
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

CREATE INDEX outbox_letters ON outbox (account_id, done_at) WHERE message_id IS NULL;
