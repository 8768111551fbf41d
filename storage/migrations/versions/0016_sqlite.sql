-- What 0016 makes on sqlite, frozen: rows of the outbox that send a letter instead of a message.
CREATE TABLE outbox_anew (
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
    letter BLOB,
    PRIMARY KEY (account_id, id)
);

INSERT INTO outbox_anew SELECT account_id, id, message_id, ticket_id, kind, mail_from, recipient, state, reason, attempts,
    created_at, next_attempt_at, not_after, done_at, reply, NULL FROM outbox;

DROP TABLE outbox;

ALTER TABLE outbox_anew RENAME TO outbox;

CREATE INDEX outbox_due ON outbox (account_id, next_attempt_at) WHERE state = 'queued';

CREATE INDEX outbox_of_message ON outbox (account_id, message_id);

CREATE INDEX outbox_of_recipient ON outbox (account_id, recipient, created_at);
