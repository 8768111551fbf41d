"""Bytes of a message to values: pure, bounded, without recursion."""
