"""Learning rate schedules: what each was made with, and every step of it."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from firesteel.doctor.facts import Optimizer, Scheduler
from firesteel.doctor.modules import creation_site
from firesteel.doctor.sites import find_site
from firesteel.doctor.state import Watched

#: Steps of one schedule that are kept.
MOST_STEPS = 100_000
#: What tells for how many steps a schedule was made.
_DETAILS = (
    "T_max", "T_0", "T_mult", "total_steps", "total_iters", "step_size", "gamma", "milestones", "mode", "factor",
    "patience", "start_factor",
)  # fmt: skip


def watch_schedules(watch: Watched, record_of: Callable[[torch.optim.Optimizer], Optimizer]) -> None:
    """Sees every schedule that is created or stepped from now on."""
    schedules = _Schedules(watch, record_of)
    for kind in dict.fromkeys(one for one in vars(torch.optim.lr_scheduler).values() if isinstance(one, type)):
        if issubclass(kind, LRScheduler):
            watch.patches.replace(kind, "__init__", schedules.make_init)
            watch.patches.replace(kind, "step", schedules.make_step)


class _Schedules:
    def __init__(self, watch: Watched, record_of: Callable[[torch.optim.Optimizer], Optimizer]) -> None:
        self._watch = watch
        self._record_of = record_of
        self._known: dict[int, Scheduler] = {}
        self._depth = 0  # of the steps of schedules: they step others, and make their first one themselves

    def make_init(self, original: Callable[..., None]) -> Callable[..., None]:
        watch = self._watch

        def initialise(scheduler: Any, optimizer: Any, *args: Any, **kwargs: Any) -> None:
            self._depth += 1
            try:
                original(scheduler, optimizer, *args, **kwargs)
            finally:
                self._depth -= 1
            if self._depth == 0 and not watch.is_paused:
                with watch.shield("seeing a schedule being created"):
                    self._new(scheduler, optimizer)

        return initialise

    def _new(self, real: Any, optimizer: Any) -> None:
        # A chain of schedules is given these first and has the optimizer from them.
        optimizer = getattr(real, "optimizer", optimizer)
        owner = self._record_of(optimizer) if isinstance(optimizer, torch.optim.Optimizer) else None
        details = {name: getattr(real, name) for name in _DETAILS if hasattr(real, name)}
        record = Scheduler(
            self._watch.tick(), type(real).__name__, creation_site(real), owner, weakref.ref(real), details=details
        )
        self._known[id(real)] = record
        self._watch.facts.schedulers.append(record)
        for part in getattr(real, "_schedulers", ()):
            known = self._known.get(id(part))
            if known is not None:
                known.is_part = True

    def make_step(self, original: Callable[..., None]) -> Callable[..., None]:
        watch = self._watch

        def step(scheduler: Any, *args: Any, **kwargs: Any) -> None:
            if self._depth == 0 and not watch.is_paused:
                with watch.shield("seeing a schedule's step"):
                    record = self._known.get(id(scheduler))
                    if record is not None and record.ref() is scheduler and len(record.steps) < MOST_STEPS:
                        record.steps.append((watch.tick(), find_site(sys._getframe(1))))
                        record.metrics.extend(_numbers(*args, *kwargs.values()))
            self._depth += 1
            try:
                original(scheduler, *args, **kwargs)
            finally:
                self._depth -= 1

        return step


def _numbers(*given: Any) -> list[float]:
    """The first of these, if it is a number."""
    first = given[0] if given else None
    if isinstance(first, torch.Tensor) and first.numel() == 1:
        return [float(first.detach())]
    try:
        return [float(first)] if first is not None else []
    except (TypeError, ValueError):
        return []
