"""Rows of what agents taught the filter."""
