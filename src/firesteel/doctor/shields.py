"""What the doctor does wrong stays with the doctor: it is noted, and the user's program goes on."""

from __future__ import annotations

import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import torch

_n_function_modes, _n_dispatch_modes = torch._C._len_torch_function_stack, torch._C._len_torch_dispatch_stack


@dataclass(frozen=True)
class Failure:
    """A flaw of the doctor itself, for a bug report."""

    doing: str
    error: str  # the last line of the traceback
    trace: str

    def __str__(self) -> str:
        return f"{self.doing}: {self.error}"


class Pausable(Protocol):
    is_paused: bool


class Shield:
    """`with Shield(watch, failures, "seeing an operation"):` notes an error of the block and lets the program go on.

    While the block runs the watch is paused, so that the doctor does not watch itself, and function and dispatch modes
    are off, so that those of the program do not see what the doctor computes. Interrupts and exits pass. Of each kind
    of failure one is kept.
    """

    __slots__ = ("_doing", "_failures", "_guards", "_was_paused", "_watch")

    def __init__(self, watch: Pausable, failures: dict[str, Failure], doing: str) -> None:
        self._watch = watch
        self._failures = failures
        self._doing = doing
        self._was_paused = False
        self._guards: ExitStack | None = None

    def __enter__(self) -> None:
        self._was_paused = self._watch.is_paused
        self._watch.is_paused = True
        if _n_function_modes() or _n_dispatch_modes():
            self._guards = ExitStack()
            self._guards.enter_context(torch._C.DisableTorchFunction())
            self._guards.enter_context(torch._C._DisableTorchDispatch())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._watch.is_paused = self._was_paused
        if self._guards is not None:
            self._guards.close()
            self._guards = None
        if not isinstance(error, Exception):
            return False
        key = f"{self._doing}|{type(error).__name__}"
        if key not in self._failures:
            whole = "".join(traceback.format_exception(kind, error, trace))
            self._failures[key] = Failure(self._doing, f"{type(error).__name__}: {error}", whole)
        return True
