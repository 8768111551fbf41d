"""The accounts' filters in memory: the fold of the ledger, its checkpoints, and what a label changes."""
