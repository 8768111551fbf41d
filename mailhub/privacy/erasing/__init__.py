"""The steps of an erasure, from who is meant to the receipts."""
