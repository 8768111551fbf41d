ALTER TABLE message ADD COLUMN snippet TEXT NOT NULL DEFAULT '';

ALTER TABLE message ADD COLUMN attachments INTEGER NOT NULL DEFAULT 0;

ALTER TABLE message ADD COLUMN awaits SMALLINT NOT NULL DEFAULT 0;

ALTER TABLE ticket ADD COLUMN waiting_since BIGINT;

ALTER TABLE ticket ADD COLUMN last_activity_at BIGINT NOT NULL DEFAULT 0;

ALTER TABLE ticket ADD COLUMN last_incoming_at BIGINT;

ALTER TABLE ticket ADD COLUMN last_message_id BIGINT;

ALTER TABLE ticket ADD COLUMN attachments SMALLINT NOT NULL DEFAULT 0;

ALTER TABLE "user" ADD COLUMN read_until BIGINT NOT NULL DEFAULT 0;

CREATE TABLE ticket_seen (
    account_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, user_id, ticket_id)
) WITHOUT ROWID;

CREATE INDEX ticket_seen_of_ticket ON ticket_seen (account_id, ticket_id);

CREATE INDEX message_awaiting ON message (account_id, ticket_id, received_at) WHERE awaits = 1;

CREATE INDEX message_with_files ON message (account_id, ticket_id) WHERE attachments > 0;

UPDATE message SET awaits = 1
 WHERE direction = 'in' AND user_id IS NULL AND contact_id IS NOT NULL AND automatic = '' AND verdict <> 'spam'
   AND EXISTS (
       SELECT 1 FROM ticket
        WHERE ticket.account_id = message.account_id AND ticket.id = message.ticket_id AND ticket.state = 'open'
   )
   AND NOT EXISTS (
       SELECT 1 FROM message AS later
        WHERE later.account_id = message.account_id AND later.ticket_id = message.ticket_id
          AND later.direction = 'out' AND later.received_at >= message.received_at
   );

UPDATE ticket SET
    waiting_since = (
        SELECT min(m.received_at) FROM message AS m
         WHERE m.account_id = ticket.account_id AND m.ticket_id = ticket.id AND m.awaits = 1
    ),
    last_message_id = (
        SELECT max(m.id) FROM message AS m WHERE m.account_id = ticket.account_id AND m.ticket_id = ticket.id
    ),
    last_activity_at = coalesce(
        (SELECT max(m.received_at) FROM message AS m
          WHERE m.account_id = ticket.account_id AND m.ticket_id = ticket.id),
        created_at
    ),
    last_incoming_at = (
        SELECT max(m.received_at) FROM message AS m
         WHERE m.account_id = ticket.account_id AND m.ticket_id = ticket.id AND m.direction = 'in'
    );

UPDATE "user" SET read_until = coalesce(
    (SELECT max(t.last_activity_at) FROM ticket AS t WHERE t.account_id = "user".account_id), 0
);

DROP INDEX ticket_of_assignee;

CREATE INDEX ticket_of_assignee ON ticket (account_id, assignee_id, state, last_activity_at, id)
 WHERE assignee_id IS NOT NULL;

CREATE INDEX ticket_waiting ON ticket (account_id, waiting_since, id) WHERE waiting_since IS NOT NULL;

CREATE INDEX ticket_by_state_and_number ON ticket (account_id, state, number);

CREATE INDEX ticket_by_activity ON ticket (account_id, state, last_activity_at, id);

CREATE INDEX ticket_by_verdict ON ticket (account_id, verdict, state, last_activity_at, id);

CREATE INDEX ticket_of_mailbox ON ticket (account_id, mailbox_id, state, last_activity_at, id);
