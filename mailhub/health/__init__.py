"""How the daemon is doing: measured flow, and the metrics made of it."""
