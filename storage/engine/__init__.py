"""How the database is spoken to in bulk and kept in order; no subject of its own."""
