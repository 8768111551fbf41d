"""The command line, one folder a subject: the API's client, but for commands that work without the daemon."""
