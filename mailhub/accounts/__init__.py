"""A tenant over time (FLOW 4): stages by date, the clock, billing, letters to owners, the end of it."""
