"""Rows of tickets, notes and participants."""
