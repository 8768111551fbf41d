"""Commands that make, check, run and keep the service."""
