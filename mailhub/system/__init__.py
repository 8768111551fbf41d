"""The operating system: lock, sockets, process, log, systemd. Knows no mail."""
