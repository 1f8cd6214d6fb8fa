"""What else tells something: arrays that become tensors, seeds, blocks without gradients, compilers and exporters."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from firesteel.doctor.sites import find_site, is_doctors_file, is_users_file, line_looked_at
from firesteel.doctor.state import Watched


def watch_surroundings(watch: Watched) -> None:
    replace = watch.patches.replace
    replace(torch, "from_numpy", lambda original: _operation(watch, original, "from_numpy"))
    replace(torch.autograd.Function, "apply", lambda original: _custom_function(watch, original))
    for owner, name, kind in (
        (torch, "manual_seed", "torch"),
        (torch.random, "manual_seed", "torch"),
        (np.random, "seed", "numpy"),
        (random, "seed", "random"),
    ):
        replace(owner, name, partial(_seeding, watch, kind))
    for block in (torch.no_grad, torch.inference_mode):
        replace(block, "__enter__", lambda original: _entering(watch, original))
    replace(warnings, "showwarning", _showing)
    replace(torch, "compile", lambda _: _not_compiling(watch))
    replace(torch.nn.Module, "compile", lambda _: _not_compiling_in_place(watch))
    replace(torch.jit, "trace", lambda original: _looking_away(watch, original))
    replace(torch.jit, "script", lambda original: _looking_away(watch, original, counts_frames=True))
    for name in ("torch.export", "torch.onnx"):  # importing them takes seconds, so only those that are there
        if name in sys.modules:
            replace(sys.modules[name], "export", lambda original: _looking_away(watch, original))


def _operation(watch: Watched, original: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function that no function mode sees."""

    def call(*args: Any) -> Any:
        if watch.is_paused or not watch.is_hot:
            return original(*args)
        result = original(*args)
        with watch.shield("seeing an operation"):
            watch.seeing.record(original, name, args, result, find_site(sys._getframe(1)))
        return result

    return call


def _custom_function(watch: Watched, original: Callable[..., Any]) -> Callable[..., Any]:
    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if watch.is_paused or not watch.is_hot:
            return original(cls, *args, **kwargs)
        result = original(cls, *args, **kwargs)
        with watch.shield("seeing an operation"):
            watch.seeing.record(cls.apply, f"custom_{cls.__name__}", args, result, find_site(sys._getframe(1)))
        return result

    return apply


def _seeding(watch: Watched, kind: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def seed(*args: Any, **kwargs: Any) -> Any:
        if not watch.is_paused and (args or kwargs):
            watch.facts.seeds.add(kind)
        return original(*args, **kwargs)

    return seed


def _entering(watch: Watched, original: Callable[..., Any]) -> Callable[..., Any]:
    def enter(block: Any) -> Any:
        caller = sys._getframe(1)
        path = caller.f_code.co_filename
        if not watch.is_paused and (is_users_file(path) or path.endswith("_contextlib.py")):
            with watch.shield("seeing a block without gradients"):
                site = find_site(caller)
                if site.is_users:
                    watch.heat_at(("no gradients", site))
        return original(block)

    return enter


def _showing(original: Callable[..., Any]) -> Callable[..., Any]:
    """PyTorch gives a warning the line that called it; of an operation that is looked at, that is the doctor's own."""

    def showwarning(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> Any:
        if is_doctors_file(filename):
            filename, lineno = line_looked_at(sys._getframe(1))
        return original(message, category, filename, lineno, file, line)

    return showwarning


def _not_compiling(watch: Watched) -> Callable[..., Any]:
    def leave_out(model: Any = None, **_: Any) -> Any:
        _note_once(watch, "torch.compile was left out for this run, so that operations can be seen")
        if isinstance(model, torch.nn.Module):
            return torch._dynamo.disable(model)  # names and _orig_mod are as those of a compiled one
        return model if model is not None else leave_out

    return leave_out


def _not_compiling_in_place(watch: Watched) -> Callable[..., None]:
    def leave_out(*_: Any, **__: Any) -> None:
        _note_once(watch, "torch.compile was left out for this run, so that operations can be seen")

    return leave_out


def _looking_away(watch: Watched, original: Callable[..., Any], *, counts_frames: bool = False) -> Callable[..., Any]:
    """Tracers must not see what the doctor put there.

    Args:
        counts_frames: torch.jit.script looks up names in the frame of its caller, and is told how many there are.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        if counts_frames and len(args) < 3:
            kwargs["_frames_up"] = kwargs.get("_frames_up", 0) + 1
        was_hot, was_paused = watch.is_hot, watch.is_paused
        watch.seeing.turn_off()
        watch.is_paused = True
        try:
            return original(*args, **kwargs)
        finally:
            watch.is_paused = was_paused
            if was_hot:
                watch.seeing.turn_on()

    return call


def _note_once(watch: Watched, note: str) -> None:
    if note not in watch.facts.notes:
        watch.facts.notes.append(note)
