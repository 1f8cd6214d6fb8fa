"""S08: every worker of a loader draws the same numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Loader
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source


class WorkersAlike(Rule):
    id: ClassVar[str] = "S08"
    title: ClassVar[str] = "identical augmentation in workers"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Each worker of a DataLoader gets a copy of the dataset. A generator that the dataset holds is copied "
        "with it: all workers draw the very same numbers, and again in every epoch. The augmentation is a "
        "fraction of what it seems."
    )
    detected: ClassVar[str] = (
        "A loader with two or more workers and no worker_init_fn was read, and its dataset, or what that holds, "
        "has a generator of NumPy, Python or PyTorch as an attribute."
    )
    silent: ClassVar[str] = (
        "Global generators (PyTorch seeds those of each worker), a worker_init_fn, less than two workers, and "
        "generators that are made in the worker."
    )
    sick: ClassVar[str] = """
import numpy as np
import torch

class Noisy(torch.utils.data.Dataset):
    def __init__(self):
        self.rng = np.random.default_rng(0)
    def __len__(self):
        return 8
    def __getitem__(self, i):
        return torch.tensor(self.rng.normal(size=2))

for batch in torch.utils.data.DataLoader(Noisy(), batch_size=4, num_workers=2):
    print(batch)
"""
    healthy: ClassVar[str] = sick.replace("self.rng = np.random.default_rng(0)", "pass").replace(
        "self.rng.normal", "np.random.normal"
    )

    def judge(self, case: Case) -> Iterable[Finding]:
        loaders = [one for one in case.facts.loaders if one.n_workers > 1 and one.passes]
        if not loaders:
            raise NotApplicable("no loader with two or more workers was read")
        for loader in loaders:
            drawn = [one for one in loader.generators if _is_drawn_from(case, loader, one)]
            if drawn and not loader.has_worker_init:
                yield self._describe(case, loader, drawn[0])

    def _describe(self, case: Case, loader: Loader, drawn: tuple[str, str, str]) -> Finding:
        name, kind, path = drawn
        source = case.sources[path or loader.site.path]
        number = _where_set(source, name)
        return self.finding(
            (source, number) if number else loader.site,
            message=f"the dataset's generator '{name}' is copied into every worker",
            evidence=f"{loader.n_workers} workers start from the same state of one {kind}, and again in each of "
            f"{len(loader.passes)} passes",
            why="all workers draw the same numbers, so the augmentation repeats itself",
            fix="     make it in the worker: np.random.default_rng(torch.utils.data.get_worker_info().seed)",
        )


def _is_drawn_from(case: Case, loader: Loader, generator: tuple[str, str, str]) -> bool:
    """Somewhere else than where the dataset is made: data that are made up once are the same for all."""
    name, _, path = generator
    read = [
        one for one in case.sources[path or loader.site.path].nodes(ast.Attribute)
        if one.attr == name and isinstance(one.ctx, ast.Load)
    ]  # fmt: skip
    source = case.sources[path or loader.site.path]
    around = [source.function_around(one.lineno) for one in read]
    return not around or any(one is None or one.name != "__init__" for one in around)


def _where_set(source: Source, name: str) -> int:
    """The line that sets an attribute of this name; 0 if none does."""
    for node in source.nodes(ast.Attribute):
        if node.attr == name and isinstance(node.ctx, ast.Store):
            return node.lineno
    return 0
