"""Commands about accounts and their stages."""
