"""What flow 1 stands on: reading a message for the writer, the address directory, the flood cap, the rows."""
