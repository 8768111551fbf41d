"""What the daemon keeps going: doors, jobs, reload."""
