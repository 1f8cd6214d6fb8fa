"""Leaves that learn: where each was made, whether it was loaded, and gradients asked for without backward()."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch

from firesteel.doctor.facts import Backward, Call, Param
from firesteel.doctor.gradient_states import copy_of_number, probe_of
from firesteel.doctor.gradients import Gradients
from firesteel.doctor.sites import Site, find_site
from firesteel.doctor.state import Watched

#: Calls that are kept.
MOST_CALLS = 1_000
#: Gradients that are asked for by name and kept.
MOST_ASKED = 20_000
#: Functions of PyTorch that make a parameter of another one.
_COPYING = ("__deepcopy__", "_rebuild_parameter", "_rebuild_parameter_with_state")


def watch_leaves(watch: Watched, gradients: Gradients) -> None:
    leaves = _Leaves(watch, gradients)
    watch.patches.replace(torch.nn.Parameter, "__new__", leaves.make_new)
    watch.patches.replace(torch.nn.Module, "load_state_dict", leaves.make_load)
    watch.patches.replace(torch.autograd, "grad", leaves.make_grad)


class _Leaves:
    def __init__(self, watch: Watched, gradients: Gradients) -> None:
        self._watch = watch
        self._gradients = gradients
        self._n_calls = 0
        self._probes: dict[int, tuple[Param, int, torch.Tensor]] = {}  # of the leaves asked for last, by their id

    def make_new(self, original: Callable[..., Any]) -> Callable[..., Any]:
        watch, gradients = self._watch, self._gradients

        def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
            made = original(cls, *args, **kwargs)
            if not watch.is_paused and isinstance(made, torch.Tensor):
                with watch.shield("seeing a parameter being created"):
                    frame = sys._getframe(1)
                    is_copy = frame.f_code.co_name in _COPYING
                    gradients.note_creation(made, find_site(frame), is_copy=is_copy)
            return made

        return new

    def make_load(self, original: Callable[..., Any]) -> Callable[..., Any]:
        watch = self._watch

        def load_state_dict(module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
            result = original(module, *args, **kwargs)
            if not watch.is_paused:
                with watch.shield("seeing values being loaded"):
                    params = [watch.param_of(one) for one in module.parameters()]
                    for param in params:
                        param.is_loaded = True
                    self._call("load_state_dict", params)
            return result

        return load_state_dict

    def make_grad(self, original: Callable[..., Any]) -> Callable[..., Any]:
        watch = self._watch

        def grad(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            event = None
            if not watch.is_paused:
                with watch.shield("seeing a gradient being asked for"):
                    given = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
                    inputs = given if not isinstance(inputs, torch.Tensor) else inputs
                    if self._n_calls < MOST_CALLS:
                        leaves = [one for one in given if isinstance(one, torch.Tensor) and one.is_leaf]
                        for one in leaves if watch.facts.n_steps == 0 else ():
                            watch.keep_initial(one, watch.param_of(one))
                        self._call("autograd_grad", [watch.param_of(one) for one in leaves])
                    if not (args or kwargs.keys() - {"allow_unused", "materialize_grads"}):
                        event = self._ask(outputs, inputs, find_site(sys._getframe(1)))
            gradients = original(outputs, inputs, *args, **kwargs)
            if event is not None:
                with watch.shield("seeing a gradient being asked for"):
                    self._note(event)
            return gradients

        return grad

    def _ask(self, outputs: Any, inputs: Any, site: Site) -> Backward | None:
        """What may be the backward of a training that is done by hand: leaves by one number, whose graph then goes."""
        watch, facts = self._watch, self._watch.facts
        loss = outputs[0] if isinstance(outputs, list | tuple) and len(outputs) == 1 else outputs
        leaves = [inputs] if isinstance(inputs, torch.Tensor) else inputs
        is_number = isinstance(loss, torch.Tensor) and loss.numel() == 1
        if not is_number or len(facts.asked) >= MOST_ASKED or not all(one.is_leaf for one in leaves):
            return None
        params = tuple(watch.param_of(one) for one in leaves)
        for param, leaf in zip(params, leaves, strict=True):
            _, version, probe = self._probes.get(id(param), (param, leaf._version, None))
            is_changed = probe is not None and not torch.equal(probe, probe_of(leaf))
            param.n_by_hand += version != leaf._version or is_changed
            self._probes[id(param)] = (param, leaf._version, probe_of(leaf))
        return Backward(
            at=watch.tick(), site=site, loss=copy_of_number(loss), made=watch.seeing.made_of(loss), is_hot=watch.is_hot,
            retains_graph=False, creates_graph=False, reached=frozenset(id(one) for one in params),
            reached_params=params, step=facts.n_steps, n_reached=len(params), n_applied=len(params),
        )  # fmt: skip

    def _note(self, event: Backward) -> None:
        self._watch.facts.asked.append(event)
        if not self._watch.facts.optimizers:
            self._watch.after_update(("backward", event.site))

    def _call(self, name: str, params: list[Any]) -> None:
        self._n_calls += 1
        if self._n_calls <= MOST_CALLS:
            site = find_site(sys._getframe(2))
            self._watch.facts.calls.append(Call(self._watch.tick(), name, site, tuple(id(one) for one in params)))
