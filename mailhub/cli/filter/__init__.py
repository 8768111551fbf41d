"""Commands about the spam filter."""
