"""People's rights over their data: erasure (FLOW 3), export, consents, breaches, retention, what they ask by
mail and page.
"""
