"""Routes about the service itself: health, the journal, backups."""
