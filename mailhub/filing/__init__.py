"""A message on its way in (FLOW 1): which ticket, what fate, which rows."""
