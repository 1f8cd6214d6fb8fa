"""When operations are looked at: the first steps, then ever rarer ones, and whatever is new."""

from __future__ import annotations

from collections.abc import Hashable

FIRST = 3
_DUE = frozenset({1, 2, 3} | {factor * 10**power for factor in (1, 2, 5) for power in range(12)})


def is_due(n: int) -> bool:
    """True for the first three occasions, then for 5, 10, 20, 50, 100, 200, 500 ...: n counts from 1."""
    return n in _DUE


class Schedule:
    """Counts occasions by place. Each place is looked at on its own first occasions, however late it comes."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, int] = {}

    def count(self, place: Hashable) -> int:
        """How often it came, this time included."""
        n = self._counts[place] = self._counts.get(place, 0) + 1
        return n

    def is_due(self, place: Hashable) -> bool:
        """Counts it: is this one to look at?"""
        return is_due(self.count(place))

    def is_next_due(self, place: Hashable) -> bool:
        """Would the next occasion be one to look at?"""
        return is_due(self._counts.get(place, 0) + 1)

    def is_near(self, place: Hashable) -> bool:
        """Is one of the next two occasions one to look at?"""
        n = self._counts.get(place, 0)
        return is_due(n + 1) or is_due(n + 2)
