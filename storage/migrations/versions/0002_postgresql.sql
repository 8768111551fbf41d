-- What 0002 makes on postgresql, frozen: one row by which a wrong root key is seen before it is used.
CREATE TABLE key_check (
    name TEXT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (name)
);
