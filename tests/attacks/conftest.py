"""Attacks on the doors run against a real door."""

from tests.houses.door_house import with_door

__all__ = ["with_door"]
