"""The doors through which mail comes in, and the way from them to the writer."""
