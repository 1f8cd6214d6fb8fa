"""Watching a training while it runs: what is replaced, hooked and counted, and when operations are looked at."""

from __future__ import annotations

import os
import random
import threading
import weakref
from collections import deque
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch

from firesteel.doctor.facts import Facts, Module, Param
from firesteel.doctor.gradients import Gradients
from firesteel.doctor.loading import watch_loaders
from firesteel.doctor.modules import Modules
from firesteel.doctor.ops import Seeing
from firesteel.doctor.patches import Patches
from firesteel.doctor.roles import settle
from firesteel.doctor.schedule import FIRST, Schedule
from firesteel.doctor.shields import Failure, Shield
from firesteel.doctor.sites import Site
from firesteel.doctor.stepping import watch_steps
from firesteel.doctor.surroundings import watch_surroundings

#: Parameters of bigger nets are not copied.
KEPT_OF_PARAMS = 20_000_000
_ACTIVE: list[Watch] = []


class Watch:
    """One watching, from `start()` to `stop()`; what it saw is in `facts`."""

    def __init__(self, *, script: str | None = None, most_steps: int | None = None) -> None:
        self.facts = Facts(script=script)
        self.failures: dict[str, Failure] = {}
        self.kept_of_params = KEPT_OF_PARAMS
        self.most_steps = most_steps
        self.is_paused = False
        self.depth = 0  # of module calls
        self.module_stack: list[Module] = []  # filled when hot
        self.thread = threading.get_ident()
        self.patches = Patches()
        self.schedule = Schedule()
        self.seeing = Seeing(self)
        self.gradients = Gradients(self)
        self.modules = Modules(self)
        self.recent_losses: deque[tuple[int, Site, weakref.ref[torch.Tensor]]] = deque(maxlen=64)
        self._clock = 0
        self._is_hot_for_step = True
        self._hooks: list[Any] = []
        self._random: dict[str, Any] = {}

    # ---- what all parts use

    def tick(self) -> int:
        self._clock += 1
        return self._clock

    def shield(self, doing: str) -> Shield:
        return Shield(self, self.failures, doing)

    @property
    def is_hot(self) -> bool:
        return self.seeing.is_on

    def param_of(self, tensor: torch.Tensor) -> Param:
        return self.gradients.follow(tensor, is_free=True)

    # ---- when to look at operations

    def heat_at(self, place: Any) -> None:
        """Looks from here on if this place is new, or due."""
        if self.schedule.is_due(place):
            self.seeing.turn_on()

    def before_forward(self, place: Any, *, has_grad: bool) -> None:
        """A root forward: looks if the place is due; else stops looking, unless this step is one to look at."""
        if self.schedule.is_due(place):
            self.seeing.turn_on()
        elif not self._is_hot_for_step and not (has_grad and self.modules.is_pending):
            self.seeing.turn_off()

    def after_update(self, place: Any) -> None:
        """The weights were changed: are operations of the next step to be looked at?"""
        self.schedule.is_due(place)
        self._is_hot_for_step = self.schedule.is_next_due(place)
        self.modules.is_pending = False
        if self._is_hot_for_step:
            self.seeing.turn_on()
        else:
            self.seeing.turn_off()

    def note_retained(self, site: Site) -> None:
        """How many of the losses of earlier steps are alive, with their graphs?"""
        n_steps = self.facts.n_steps
        alive = 0
        for step, _, ref in self.recent_losses:
            loss = ref()
            alive += loss is not None and loss.grad_fn is not None and step < n_steps - FIRST
        if len(self.recent_losses) > FIRST:
            self.facts.n_retained.append((n_steps, alive, site))

    # ---- start and stop

    def start(self) -> Self:
        """Replaces and hooks; raises RuntimeError where somebody watches already."""
        if _ACTIVE:
            raise RuntimeError("a doctor is watching already; one watch may not stand inside another")
        _ACTIVE.append(self)
        self._random = _random_states()
        self.modules.install()
        watch_steps(self, self._hooks)
        watch_loaders(self)
        watch_surroundings(self)
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


def _random_states() -> dict[str, Any]:
    kind, keys, position, *rest = np.random.get_state()
    return {
        "random": hash(random.getstate()),
        "numpy": (kind, keys.tobytes(), position, *rest),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def _go_silent() -> None:
    """In a forked child (a worker of a loader): nobody reads what is seen there."""
    for watch in _ACTIVE:
        watch.is_paused = True
        watch.seeing.turn_off()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_silent)
