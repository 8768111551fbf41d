"""The classifier: documents of words to numbers. Knows no e-mail, and nothing of mailhub or storage."""
