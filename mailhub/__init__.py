"""mailhub: self-hosted support mail. The daemon: the flows, the doors, the wiring (ARCHITECTURE.md draws the rooms)."""

__version__ = "0.1.0"
