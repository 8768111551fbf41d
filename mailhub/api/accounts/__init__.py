"""Routes about accounts and their stages."""
