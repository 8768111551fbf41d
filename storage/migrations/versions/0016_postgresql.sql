-- What 0016 makes on postgresql, frozen: rows of the outbox that send a letter instead of a message.
ALTER TABLE outbox ALTER COLUMN message_id DROP NOT NULL;

ALTER TABLE outbox ALTER COLUMN ticket_id DROP NOT NULL;

ALTER TABLE outbox ADD COLUMN letter BYTEA;
