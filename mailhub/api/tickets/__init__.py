"""Routes about tickets, their messages, and mail handed in."""
