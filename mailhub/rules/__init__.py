"""FLOW 6: what an account wants done to tickets by itself, as rules it wrote."""
