"""Mail on its way out: composed, passed by the gate, queued as a row, handed to the relay."""
