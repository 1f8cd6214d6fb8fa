"""Attributes of PyTorch replaced for the time of a run, and put back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


class Patches:
    """Replacements in the order in which they were made. Putting back leaves alone what somebody replaced since."""

    def __init__(self) -> None:
        self._made: list[tuple[Any, str, Any, Any]] = []

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Sets `owner.name` to `make(what stood there)`. An owner that has no such name is left alone."""
        if name not in vars(owner):
            return
        before = vars(owner)[name]
        is_method = isinstance(before, classmethod | staticmethod)
        after = make(before.__func__ if is_method else before)
        if not is_method:
            functools.update_wrapper(after, before)
        setattr(owner, name, type(before)(after) if is_method else after)
        self._made.append((owner, name, before, vars(owner)[name]))

    def restore(self) -> None:
        for owner, name, before, after in reversed(self._made):
            if vars(owner).get(name) is after:
                setattr(owner, name, before)
        self._made.clear()
