"""Watching a training while it runs: what is replaced, hooked and counted, and when operations are looked at."""

from __future__ import annotations

import os
import random
from types import TracebackType
from typing import Any, Self

import torch
from numpy.random import mtrand

from firesteel.doctor.facts import Facts
from firesteel.doctor.fitting import watch_fits
from firesteel.doctor.gradients import Gradients
from firesteel.doctor.loading import watch_loaders
from firesteel.doctor.modules import watch_modules
from firesteel.doctor.ops import Seeing
from firesteel.doctor.roles import settle
from firesteel.doctor.state import Watched
from firesteel.doctor.stepping import watch_steps
from firesteel.doctor.surroundings import watch_surroundings

_ACTIVE: list[Watch] = []


class Watch(Watched):
    """One watching, from `start()` to `stop()`; what it saw is in `facts`."""

    def __init__(self, *, script: str | None = None, most_steps: int | None = None) -> None:
        super().__init__(script=script, most_steps=most_steps)
        self.gradients = Gradients(self)
        self.param_of = lambda tensor: self.gradients.follow(tensor, is_free=True)
        self.seeing = Seeing(self)
        self._hooks: list[Any] = []
        self._random: dict[str, Any] = {}

    # ---- start and stop

    def start(self) -> Self:
        """Replaces and hooks; raises RuntimeError where somebody watches already."""
        if _ACTIVE:
            raise RuntimeError("a doctor is watching already; one watch may not stand inside another")
        _ACTIVE.append(self)
        self._random = _random_states()
        watch_modules(self)
        watch_steps(self, self.gradients, self._hooks)
        watch_loaders(self)
        watch_surroundings(self)
        watch_fits(self, self._hooks)
        self.seeing.turn_on()
        return self

    def stop(self) -> Facts:
        """Puts all back, and settles what only the end can tell."""
        self.seeing.turn_off()
        for hook in self._hooks:
            hook.remove()
        self.patches.restore()
        if self in _ACTIVE:
            _ACTIVE.remove(self)
        self.is_paused = True
        for name, state in _random_states().items():
            if state != self._random.get(name):
                self.facts.used_random.add(name)
        with self.shield("settling what was seen"):
            settle(self.facts)
        return self.facts

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def is_watching() -> bool:
    """Somebody watches in this process."""
    return bool(_ACTIVE)


def _random_states() -> dict[str, Any]:
    return {
        "random": hash(random.getstate()),
        "numpy": repr(mtrand.get_bit_generator().state),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def _go_silent() -> None:
    """In a forked child (a worker of a loader): nobody reads what is seen there."""
    for watch in _ACTIVE:
        watch.is_paused = True
        watch.seeing.turn_off()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_silent)
