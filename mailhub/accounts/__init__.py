"""A tenant over time (FLOW 4): stages by date, the clock they believe, billing, the letters to owners, the end of it."""
