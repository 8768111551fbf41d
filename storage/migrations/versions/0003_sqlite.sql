-- What 0003 makes on sqlite, frozen: from where people may come, and answers to requests with an Idempotency-Key.
CREATE TABLE allow_list (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    role TEXT NOT NULL,
    network TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX allow_list_by_network ON allow_list (account_id, role, network);
CREATE TABLE idempotency (
    account_id BIGINT NOT NULL,
    actor TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    answer BLOB,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, actor, route, key)
);
CREATE INDEX idempotency_by_age ON idempotency (account_id, created_at);
