"""What all parts of a watch share: what was seen, the clock, and whether operations are looked at right now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch

from firesteel.doctor.facts import Facts, LoaderPass, Made, Module, Param
from firesteel.doctor.patches import Patches
from firesteel.doctor.retained import Retained
from firesteel.doctor.schedule import Schedule, is_due
from firesteel.doctor.shields import Failure, Shield
from firesteel.doctor.sites import Site

#: Parameters of bigger nets are not copied.
KEPT_OF_PARAMS = 20_000_000


class Sees(Protocol):
    """The function mode of `ops.py`."""

    is_on: bool
    is_held: bool

    def turn_on(self) -> None: ...
    def turn_off(self) -> None: ...
    def step_aside(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any: ...
    def made_of(self, tensor: Any) -> Made | None: ...
    def alive(self) -> Iterator[tuple[torch.Tensor, Made]]: ...
    def describe(self, tensor: torch.Tensor) -> Made: ...
    def describe_input(self, tensor: torch.Tensor) -> Made: ...
    def record(self, func: Callable[..., Any], name: str, args: Any, result: Any, site: Site) -> None: ...


class Watched:
    """The state of one watching."""

    seeing: Sees
    param_of: Callable[[torch.Tensor], Param]  # the record of a leaf, followed from now on

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
        self.is_pending = False  # a hot forward with gradients waits for its backward
        self.current_pass: LoaderPass | None = None  # the loader that gave out a batch last
        self.retained = Retained(self.facts)
        self._clock = 0
        self._n_late = 0  # numbers kept of weights that were first used after the first step
        self._is_hot_for_step = True

    # ---- what all parts use

    def tick(self) -> int:
        self._clock += 1
        return self._clock

    def shield(self, doing: str) -> Shield:
        return Shield(self, self.failures, doing)

    @property
    def is_hot(self) -> bool:
        return self.seeing.is_on

    def keep_initial(self, tensor: torch.Tensor, param: Param, *, is_late: bool = False) -> None:
        """A copy from before the first step, taken at a backward: by then it has been given its values.

        Of nets that come after others (the next fold) so much is kept in all.
        """
        param.shape = param.shape or tuple(tensor.shape)
        is_before = param.initial is None and param.n_by_hand == 0
        most = self.kept_of_params - self._n_late if is_late else self.kept_of_params
        if is_before and tensor.numel() <= most and not tensor.is_meta:
            param.initial = tensor.detach().clone()
            self._n_late += tensor.numel() if is_late else 0

    # ---- when to look at operations

    def heat_at(self, place: Any) -> None:
        """Looks from here on if this place is new, or due."""
        if self.schedule.is_due(place):
            self.seeing.turn_on()

    def before_forward(self, place: Any, *, has_grad: bool) -> int:
        """A root forward: looks if the place is due; else stops looking, unless this step is one to look at.

        Gives the number of calls of this place so far, from 1.
        """
        n = self.schedule.count(place)
        if is_due(n):
            self.seeing.turn_on()
        elif not self._is_hot_for_step and not (has_grad and self.is_pending):
            self.seeing.turn_off()
        return n

    def after_update(self, place: Any) -> None:
        """The weights were changed: are operations of the next step to be looked at?"""
        self.schedule.is_due(place)
        self._is_hot_for_step = self.schedule.is_next_due(place)
        self.is_pending = False
        if self._is_hot_for_step:
            self.seeing.turn_on()
        else:
            self.seeing.turn_off()

    def note_retained(self, site: Site) -> None:
        """How much of earlier steps is alive, with its graphs?"""
        self.retained.count(site)
        self.retained.count_seen(self.seeing.alive())
