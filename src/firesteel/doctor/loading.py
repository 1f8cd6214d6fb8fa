"""DataLoaders: how each was made, and which rows each pass over it asked for."""

from __future__ import annotations

import random
import sys
import weakref
from collections.abc import Callable, Iterator, Sized
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset
from torch.utils.data.dataloader import _BaseDataLoaderIter

from firesteel.doctor.facts import MOST_RECORDS, Holds, Loader, LoaderPass
from firesteel.doctor.modules import creation_site
from firesteel.doctor.sites import find_site, is_users_file
from firesteel.doctor.state import Watched

#: Row numbers that are kept of one pass, and of all.
MOST_OF_PASS = 200_000
MOST_OF_ALL = 2_000_000
_GENERATORS = (np.random.Generator, np.random.RandomState, random.Random, torch.Generator)


def watch_loaders(watch: Watched) -> None:
    loaders = _Loaders(watch)
    watch.patches.replace(DataLoader, "__init__", loaders.make_init)
    watch.patches.replace(DataLoader, "__iter__", loaders.make_iter)
    watch.patches.replace(_BaseDataLoaderIter, "_next_index", loaders.make_next_index)


class _Loaders:
    def __init__(self, watch: Watched) -> None:
        self._watch = watch
        self._known: dict[int, Loader] = {}
        self._passes: dict[int, tuple[weakref.ref[Any], LoaderPass]] = {}
        self._n_kept = 0

    def make_init(self, original: Callable[..., None]) -> Callable[..., None]:
        watch = self._watch

        def initialise(loader: Any, *args: Any, **kwargs: Any) -> None:
            original(loader, *args, **kwargs)
            if not watch.is_paused:
                with watch.shield("seeing a loader being created"):
                    self._new(loader, creation_site(loader))

        return initialise

    def _new(self, loader: Any, site: Any) -> Loader:
        n_rows = None
        if isinstance(loader.dataset, Sized) and hasattr(type(loader.dataset), "__len__"):
            try:
                n_rows = len(loader.dataset)
            except (TypeError, NotImplementedError):  # a dataset that inherits a length it does not have
                n_rows = None
        try:
            dataset: Any = weakref.ref(loader.dataset)
        except TypeError:  # a plain list
            dataset = None
        record = Loader(
            at=self._watch.tick(), ref=weakref.ref(loader), site=site, dataset=dataset, n_rows=n_rows,
            batch_size=loader.batch_size, sampler=type(loader.sampler).__name__, drop_last=bool(loader.drop_last),
            n_workers=loader.num_workers, has_worker_init=_sets_chance(loader.worker_init_fn),
            generators=tuple(_generators_in(loader.dataset)) if loader.num_workers > 1 else (),
            holds=_held_by(loader.dataset),
        )  # fmt: skip
        self._known[id(loader)] = record
        if len(self._watch.facts.loaders) < MOST_RECORDS:
            self._watch.facts.loaders.append(record)
        return record

    def make_iter(self, original: Callable[..., Any]) -> Callable[..., Any]:
        watch = self._watch

        def iterate(loader: Any) -> Any:
            if watch.is_paused:
                return original(loader)
            record = one = None
            with watch.shield("seeing a loader being read"):
                record = self._known.get(id(loader))
                if record is None or record.ref() is not loader:
                    record = self._new(loader, find_site(sys._getframe(1)))
                one = LoaderPass(watch.tick(), record, find_site(sys._getframe(1)))
                record.passes.append(one)
                self._next_pass = one
            iterator = original(loader)
            if one is not None:
                with watch.shield("seeing a loader being read"):
                    self._passes[id(iterator)] = (weakref.ref(iterator), one)
                    self._next_pass = None
            return iterator

        return iterate

    _next_pass: LoaderPass | None = None

    def make_next_index(self, original: Callable[..., Any]) -> Callable[..., Any]:
        watch = self._watch

        def _next_index(iterator: Any) -> Any:
            entry = self._passes.get(id(iterator))
            # Loaders with workers ask for their first rows while they are being made.
            one = entry[1] if entry is not None and entry[0]() is iterator else self._next_pass
            try:
                index = original(iterator)
            except StopIteration:
                if one is not None:
                    one.is_complete = True
                    with watch.shield("seeing the end of a loader"):
                        watch.heat_at(("exhausted", one.site))
                raise
            if one is not None and not watch.is_paused:
                with watch.shield("seeing a loader being read"):
                    self._note(one, index)
            return index

        return _next_index

    def _note(self, one: LoaderPass, index: Any) -> None:
        one.n_batches += 1
        one.last_at = self._watch.tick()
        self._watch.current_pass = one
        if len(one.indices) < MOST_OF_PASS and self._n_kept < MOST_OF_ALL:
            rows = index if isinstance(index, list | tuple) else [index]
            one.indices.extend(row for row in rows if isinstance(row, int))
            self._n_kept += len(rows)


def _sets_chance(function: Any) -> bool:
    """A worker_init_fn that seeds something, or changes the worker's dataset; one that nobody can read may."""
    names = getattr(getattr(function, "__code__", None), "co_names", None)
    if names is None:
        return function is not None
    return any(word in name.lower() for name in names for word in ("seed", "rng", "generator", "random", "dataset"))


def _held_by(dataset: Any) -> Holds | None:
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    code = getattr(getattr(type(dataset), "__getitem__", None), "__code__", None)
    if code is None or not is_users_file(code.co_filename) or not hasattr(type(dataset), "__len__"):
        return None
    held = getattr(dataset, "__dict__", {})
    numbers = {name: one for name, one in held.items() if type(one) is int}
    lengths = {name: len(one) for name, one in held.items() if type(one) in (list, tuple)}
    for name, one in held.items():
        shape = getattr(one, "shape", None)
        if isinstance(shape, tuple) and shape:
            lengths[name] = int(shape[0])
    return Holds(code.co_filename, type(dataset).__name__, len(dataset), numbers, lengths)


def _generators_in(thing: Any, depth: int = 3) -> Iterator[tuple[str, str, str]]:
    """Each generator that a dataset of the user's holds, or an object of the user's that it holds."""
    module = sys.modules.get(type(thing).__module__)
    path = getattr(module, "__file__", None) or ""
    for name, value in getattr(thing, "__dict__", {}).items():
        if isinstance(value, _GENERATORS):
            yield name, type(value).__name__, path if is_users_file(path) else ""
        elif depth > 1 and hasattr(value, "__dict__") and not isinstance(value, type | ModuleType):
            yield from _generators_in(value, depth - 1)
