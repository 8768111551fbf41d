"""The HTTP API under /v1, one folder a subject. A route asks, reads, or hands an act over; it decides nothing."""
