"""Pages for people who have no client of ours: they ask about their data, set a password, confirm a deletion."""
