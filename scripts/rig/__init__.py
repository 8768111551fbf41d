"""What benches and campaigns share: the load, the systems under load, and what they cost."""
