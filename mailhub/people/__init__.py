"""Users of an account and how they come in: profiles, logging in, the second factor."""
