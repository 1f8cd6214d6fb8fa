"""Generators copied into workers."""

from __future__ import annotations

import pytest

SET = """
import random
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
class Jitter:
    def __init__(self):
        {jitter}
    def __call__(self, a):
        return a + torch.rand(2)
class Points(Dataset):
    def __init__(self):
        {own}
        self.jitter = Jitter()
    def __len__(self):
        return 8
    def __getitem__(self, i):
        return self.jitter(torch.ones(2))
for batch in DataLoader(Points(), batch_size=2, {options}):
    pass
"""
NOTHING = SET.format(jitter="pass", own="self.rng = np.random.default_rng(0)", options="shuffle=True")

SICK = {
    "numpy": (
        SET.format(jitter="pass", own="self.rng = np.random.default_rng(0)", options="num_workers=2"),
        "self.rng = np.random.default_rng(0)",
    ),
    "in a transform": (
        SET.format(jitter="self.chance = random.Random(1)", own="pass", options="num_workers=2"),
        "self.chance = random.Random(1)",
    ),
    "torch": (
        SET.format(jitter="pass", own="self.g = torch.Generator().manual_seed(1)", options="num_workers=2"),
        "self.g = torch.Generator()",
    ),
}

HEALTHY = {
    "global generators": SET.format(jitter="pass", own="pass", options="num_workers=2"),
    "a worker_init_fn": SET.format(
        jitter="pass", own="self.rng = np.random.default_rng(0)", options="num_workers=2, worker_init_fn=print"
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["S08"]), "S08", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S08"]), "S08", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S08"]), "S08", "not applicable")
