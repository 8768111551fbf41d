"""The only room that speaks SQL, on SQLite and PostgreSQL. Knows nothing of mailhub."""
