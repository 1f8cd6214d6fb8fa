"""What is still alive with its graph although the steps that made it are long past."""

from __future__ import annotations

import weakref
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable

import torch

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.schedule import FIRST
from firesteel.doctor.sites import Site

#: Losses that are followed in any case, and those that are followed because they outlived so many others.
WINDOW, MOST_SURVIVORS = 64, 256

_Followed = tuple[int, Site, "weakref.ref[torch.Tensor]"]


class Retained:
    """Follows losses behind their backward by weak references."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._recent: deque[_Followed] = deque(maxlen=WINDOW)
        self._survivors: list[_Followed] = []

    def _moment(self) -> int:
        """Steps so far; where steps are done by hand, backwards."""
        facts = self._facts
        return facts.n_steps if facts.optimizers else facts.n_backwards

    def follow(self, loss: torch.Tensor, site: Site) -> None:
        """From its backward on; whoever outlives `WINDOW` others is followed further."""
        recent = self._recent
        first = recent[0] if len(recent) == WINDOW else None
        recent.append((self._moment(), site, weakref.ref(loss)))
        if first is not None and _is_kept(first) and len(self._survivors) < MOST_SURVIVORS:
            self._survivors.append(first)
            self.count(site)

    def count(self, site: Site) -> None:
        """How many of the losses of earlier steps are alive with their graphs?"""
        last = self._moment() - FIRST
        old = [one for one in self._recent if one[0] < last]
        n_old, facts = sum(_is_kept(one) for one in old), self._facts
        n_long = sum(_is_kept(one) for one in self._survivors) if self._survivors else 0
        if len(self._recent) > FIRST:
            facts.n_retained.append((self._moment(), n_old + n_long, len(old), len(facts.optimizers), site))

    def count_seen(self, alive: Iterable[tuple[torch.Tensor, Made]]) -> None:
        """Of all that was seen being made: places whose results of several earlier steps are alive with graphs."""
        starts = [one.at for one in self._facts.steps] or [one.at for one in self._facts.backwards]
        if len(starts) <= FIRST:
            return
        border = starts[-FIRST - 1]
        found: dict[Site, dict[int, Made]] = {}
        for tensor, made in alive:
            if made.at < border and made.grad_node and made.op != "parameter" and tensor.requires_grad:
                found.setdefault(made.site, {})[bisect_right(starts, made.at)] = made
        for site, by_step in found.items():
            if len(by_step) > len(self._facts.kept.get(site, ())):
                self._facts.kept[site] = tuple(by_step.values())


def _is_kept(followed: _Followed) -> bool:
    tensor = followed[2]()
    return tensor is not None and tensor.grad_fn is not None
