"""From bytes to what is filed: parsed, authenticated, the words the filter learns from; and the same again
from a stored raw.
"""
