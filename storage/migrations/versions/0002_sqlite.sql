-- What 0002 makes on sqlite, frozen: one row by which a wrong root key is seen before it is used.
CREATE TABLE key_check (
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (name)
);
