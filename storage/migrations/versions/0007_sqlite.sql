CREATE TABLE draft (
	account_id BIGINT NOT NULL, 
	id BIGINT NOT NULL, 
	user_id BIGINT NOT NULL, 
	ticket_id BIGINT, 
	mailbox_id BIGINT, 
	kind TEXT NOT NULL, 
	to_addresses TEXT NOT NULL, 
	cc_addresses TEXT NOT NULL, 
	bcc_addresses TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	text TEXT NOT NULL, 
	quoted_id BIGINT, 
	seen_id BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	send_at BIGINT, 
	scheduled SMALLINT NOT NULL, 
	closes SMALLINT NOT NULL, 
	fault TEXT, 
	PRIMARY KEY (account_id, id)
);
CREATE INDEX draft_due ON draft (account_id, send_at) WHERE send_at IS NOT NULL;
CREATE INDEX draft_of_ticket ON draft (account_id, ticket_id);
CREATE UNIQUE INDEX draft_of_user ON draft (account_id, user_id, ticket_id, kind);
