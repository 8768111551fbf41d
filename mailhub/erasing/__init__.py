"""The parts of an erasure: who is meant, what is replaced, what is searched for, and the steps in their order."""
