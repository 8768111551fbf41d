"""Routes about the spam filter: marks, suggestions, explanations, lists, its tables."""
