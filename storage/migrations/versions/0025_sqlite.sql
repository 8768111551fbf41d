-- What 0025 makes on sqlite, frozen: when a stranger last had us write a letter to an address.
CREATE TABLE letter_rate (
    digest BLOB NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (digest)
);

CREATE INDEX letter_rate_by_time ON letter_rate (sent_at);
