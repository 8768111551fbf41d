"""A second pair of eyes on an erasure: a search that shares no code with the redaction, so that it is not
blind alike.
"""
