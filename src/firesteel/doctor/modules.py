"""Modules: where each was created, and each call of an outermost one."""

from __future__ import annotations

import inspect
import operator
import sys
import threading
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch

from firesteel.doctor.columns import Columns
from firesteel.doctor.facts import MOST_RECORDS, Forward, ModeSwitch, Module
from firesteel.doctor.rows import fingerprints, mixed
from firesteel.doctor.schedule import is_due
from firesteel.doctor.sites import Site, find_callers, find_site, is_users_file
from firesteel.doctor.state import Watched

#: Calls of one place, with batches of one loader, whose rows are fingerprinted, before ever rarer ones.
FIRST_ROWS = 400
#: Calls of one place that are kept, before only those that are looked at.
MOST_FORWARDS = 1_000
#: Evaluations of one line are told apart by so many sizes of what is evaluated.
MOST_SIZES = 3
#: The class of what torch.compile gives.
_COMPILED = "OptimizedModule"


def watch_modules(watch: Watched) -> None:
    """Sees every module that is created, called or switched from now on."""
    _Modules(watch).install()


class _Modules:
    def __init__(self, watch: Watched) -> None:
        self._watch = watch
        self._known: dict[int, Module] = {}
        self._columns = Columns()
        self._n_rows: Counter[tuple[Site, int]] = Counter()  # calls whose rows were taken, by place and loader
        self._sizes: defaultdict[Site, list[int]] = defaultdict(list)
        self._firsts: dict[Site, tuple[weakref.ref[torch.Tensor], int]] = {}
        self._shield = watch.shield("seeing a module being called")

    def install(self) -> None:
        patches = self._watch.patches
        patches.replace(torch.nn.Module, "__init__", self._make_init)
        patches.replace(torch.nn.Module, "__call__", self._make_call)
        patches.replace(torch.nn.Module, "train", self._make_train)

    # ---- creation

    def _make_init(self, original: Callable[..., None]) -> Callable[..., None]:
        watch = self._watch

        def initialise(module: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
            if not watch.is_paused:
                with watch.shield("seeing a module being created"):
                    self._known[id(module)] = self._new(module, creation_site(module))
            original(module, *args, **kwargs)

        return initialise

    def _new(self, module: torch.nn.Module, site: Site | None) -> Module:
        code = getattr(inspect.getattr_static(type(module), "forward", None), "__code__", None)  # not of scripted ones
        record = Module(
            ref=weakref.ref(module), kind=type(module).__name__, site=site, created_at=self._watch.tick(),
            has_users_forward=code is not None and is_users_file(code.co_filename),
        )  # fmt: skip
        if len(self._watch.facts.modules) < MOST_RECORDS:
            self._watch.facts.modules.append(record)
        return record

    def record_of(self, module: torch.nn.Module) -> Module:
        found = self._known.get(id(module))
        if found is None or found.ref() is not module:
            found = self._known[id(module)] = self._new(module, None)
        if found.kind == _COMPILED and (inner := inside_of(module)) is not module:
            return self.record_of(inner)
        return found

    # ---- calls

    def _make_call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        watch = self._watch
        seeing = watch.seeing

        def call(module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
            if watch.depth and not seeing.is_on:  # a layer, while nobody looks: as quick as can be
                return original(module, *args, **kwargs)
            if watch.is_paused or threading.get_ident() != watch.thread:
                return original(module, *args, **kwargs)
            if watch.depth == 0:
                return self._call_root(original, module, args, kwargs)
            return self._call_inside(original, module, args, kwargs)

        return call

    def _call_inside(self, original: Callable[..., Any], module: torch.nn.Module, args: Any, kwargs: Any) -> Any:
        stack, seeing = self._watch.module_stack, self._watch.seeing
        depth, held = len(stack), seeing.is_held
        with self._watch.shield("seeing a module being called"):
            stack.append(self.record_of(module))
            seeing.is_held = held or _has_fast_path(module)
        try:
            return original(module, *args, **kwargs)
        finally:
            del stack[depth:]
            seeing.is_held = held

    def _call_root(self, original: Callable[..., Any], module: torch.nn.Module, args: Any, kwargs: Any) -> Any:
        watch = self._watch
        is_wrapped = type(module).__name__ == _COMPILED and inside_of(module) is not module
        if is_wrapped:  # what is called in there is the root
            return original(module, *args, **kwargs)
        watch.depth += 1
        event = None
        with self._shield:
            record = self.record_of(module)
            if record.kind == _COMPILED:  # compiled before anybody watched: the compiler must not see us
                watch.seeing.turn_off()
            if not record.has_parameters or watch.is_hot:  # layers may have been replaced since
                self._look_inside(module, record)
            if record.has_parameters:
                event = self._before(module, record, args, kwargs)
        is_off = watch.is_hot and _has_fast_path_inside(module)
        if is_off:
            watch.seeing.turn_off()
        try:
            result = (
                self._call_inside(original, module, args, kwargs) if watch.is_hot else original(module, *args, **kwargs)
            )
        finally:
            watch.depth -= 1
            if is_off:
                watch.seeing.turn_on()
        if event is not None:
            with watch.shield("seeing what a module gave"):
                self._after(event, result)
        return result

    def _look_inside(self, module: torch.nn.Module, record: Module) -> None:
        record.has_parameters = next(module.parameters(), None) is not None
        record.stateful = tuple(dict.fromkeys(type(one).__name__ for _, one in stateful_layers(module)))
        if record.has_parameters:
            before, found = record.params, []
            for name, tensor in module.named_parameters():
                param = self._watch.param_of(tensor)
                param.name = param.name or name
                found.append(param)
            record.params = tuple(found)
            if before and len(before) == len(found) and all(map(operator.is_, before, found)):
                return
            kept = {id(one) for one in found}
            for param in before:
                param.is_removed = id(param) not in kept

    def _before(self, module: torch.nn.Module, record: Module, args: Any, kwargs: Any) -> Forward | None:
        watch = self._watch
        facts, has_grad = watch.facts, torch.is_grad_enabled()
        site = find_site(sys._getframe(3))
        tensors = list(_tensors_in((*args, *kwargs.values())))
        n_rows = tensors[0].shape[0] if tensors and tensors[0].dim() else 0
        size = 0 if has_grad else self._size_of(site, n_rows)
        n = watch.before_forward((site, has_grad, module.training, size), has_grad=has_grad)
        facts.n_forwards += 1
        if n > MOST_FORWARDS and not watch.is_hot:
            return None
        event = Forward(
            at=watch.tick(), module=record, site=site, is_training=module.training, modes={}, has_grad=has_grad,
            is_hot=watch.is_hot, step=facts.n_steps, loader_pass=watch.current_pass,
        )  # fmt: skip
        if tensors:
            first = tensors[0]
            event.n_rows = n_rows
            loader = id(watch.current_pass.loader) if watch.current_pass is not None else 0
            if is_due(n) or self._n_rows[site, loader] < FIRST_ROWS:
                self._n_rows[site, loader] += 1
                event.rows = fingerprints(first)
                event.mixed = self._mixed(tensors, event.rows, site) if len(tensors) > 1 else None
                event.fresh = self._columns.note(first, event.rows)
        if watch.is_hot:
            event.callers = find_callers(sys._getframe(3))
            event.modes = {name: one.training for name, one in stateful_layers(module)}
            event.inputs = tuple(watch.seeing.describe_input(one) for one in tensors)
            event.input = event.inputs[0] if event.inputs else None
        facts.forwards.append(event)
        return event

    def _mixed(self, tensors: list[torch.Tensor], of_first: Any, site: Site) -> Any:
        """Of several inputs: a first one that is the same as the last time (a graph, a grid) is no batch."""
        last, self._firsts[site] = self._firsts.get(site), (weakref.ref(tensors[0]), tensors[0]._version)
        is_same = last is not None and last[0]() is tensors[0] and last[1] == tensors[0]._version
        given = [one for one in tensors[is_same:] if one.dim()]
        alike = [one for one in given if one.shape[0] == given[0].shape[0]]
        parts = [of_first if one is tensors[0] else fingerprints(one) for one in alike]
        known = [one for one in parts if one is not None]
        return mixed(known) if known and len(known) + is_same > 1 else None

    def _size_of(self, site: Site, n_rows: int) -> int:
        """What tells sets apart that are evaluated in turn on one line: the number of rows, if one of the first."""
        known = self._sizes[site]
        if n_rows not in known and len(known) < MOST_SIZES:
            known.append(n_rows)
        return n_rows if n_rows in known else 0

    def _after(self, event: Forward, result: Any) -> None:
        if event.is_hot and self._watch.is_hot:
            event.outputs = tuple(self._watch.seeing.describe(one) for one in _tensors_in((result,)))
            event.output = event.outputs[0] if event.outputs else None
            self._watch.is_pending = self._watch.is_pending or event.has_grad

    # ---- train() and eval()

    def _make_train(self, original: Callable[..., Any]) -> Callable[..., Any]:
        watch = self._watch

        def train(module: torch.nn.Module, mode: bool = True) -> Any:
            if watch.is_paused or self._is_switching:
                return original(module, mode)
            with watch.shield("seeing train() or eval()"):
                site = find_site(sys._getframe(1))
                event = ModeSwitch(watch.tick(), site, self.record_of(module), bool(mode))
                if site.is_users:
                    if len(watch.facts.switches) < MOST_RECORDS:
                        watch.facts.switches.append(event)
                    watch.heat_at(("switch", site))
            self._is_switching = True
            try:
                return original(module, mode)
            finally:
                self._is_switching = False

        return train

    _is_switching = False


def inside_of(module: torch.nn.Module) -> torch.nn.Module:
    """What stands behind a module that is kept from the compiler."""
    is_compiled = type(module).__name__ == _COMPILED
    context = type(vars(module).get("dynamo_ctx")).__name__ if is_compiled else ""
    return module.get_submodule("_orig_mod") if context == "DisableContext" else module


def creation_site(thing: Any) -> Site:
    """The line that made an object, seen from the initializer of one of its base classes."""
    frame: FrameType | None = sys._getframe(1)
    last = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__init__" and code.co_varnames and frame.f_locals.get(code.co_varnames[0]) is thing:
            last = frame
        frame = frame.f_back
    return find_site(last.f_back) if last.f_back is not None else find_site(last)


def stateful_layers(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    """The layers that do something else in training than in evaluation, by name."""
    for name, one in module.named_modules():
        if isinstance(one, torch.nn.modules.dropout._DropoutNd):
            acts = one.p > 0
        elif isinstance(one, torch.nn.modules.batchnorm._NormBase):
            acts = one.track_running_stats
        elif isinstance(one, torch.nn.RNNBase):
            acts = one.dropout > 0 and one.num_layers > 1
        else:
            acts = isinstance(one, torch.nn.MultiheadAttention) and one.dropout > 0
        if acts:
            yield name, one


def _has_fast_path(module: torch.nn.Module) -> bool:
    """Attention asks whether a function mode is on, and takes another path then."""
    return not module.training and isinstance(
        module, torch.nn.MultiheadAttention | torch.nn.TransformerEncoderLayer | torch.nn.TransformerEncoder
    )


def _has_fast_path_inside(module: torch.nn.Module) -> bool:
    return not torch.is_grad_enabled() and any(_has_fast_path(one) for one in module.modules())


def _tensors_in(values: Any, depth: int = 0) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif depth < 3 and isinstance(value, list | tuple):
            yield from _tensors_in(value, depth + 1)
        elif depth < 3 and isinstance(value, dict):
            yield from _tensors_in(value.values(), depth + 1)
