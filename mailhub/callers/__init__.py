"""Who calls over HTTP, from where, how often, and what a failure is answered: shared by ``api`` and ``web``,
below both.
"""
