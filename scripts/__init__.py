"""What developers run: benches, campaigns, the demo."""
