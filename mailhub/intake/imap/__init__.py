"""The door to mailboxes at providers: one thread and one connection each, a cursor that is a row."""
