-- What 0014 makes on postgresql, frozen: consents of contacts, and breaches.
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
