"""What agents do to tickets, and answering them (FLOW 5)."""
