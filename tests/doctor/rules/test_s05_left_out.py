"""Rows that are left out on purpose, beside those that are forgotten."""

from __future__ import annotations

import pytest

LOOP = """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(120, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
def score(a, b):
    with torch.no_grad():
        return F.mse_loss(net(a), b).item()
"""

#: Rows that an index, a split or a gap leaves out, and not the loop.
LEFT_OUT = {
    "test rows of a permutation are kept for later": """
order = torch.randperm(120)
train, val = order[:60], order[60:80]
for _ in range(4):
    for j in train[torch.randperm(60)].split(10):
        step(x[j], y[j])
    score(x[val], y[val])
""",
    "test rows behind those of validation are kept for later": """
for _ in range(4):
    for i in range(0, 60, 10):
        step(x[i : i + 10], y[i : i + 10])
    score(x[60:80], y[60:80])
""",
    "as many of the frequent class as of the rare one": """
rare = (x[:, 0] > 0.8).long()
train = torch.arange(90)
use = torch.cat([train[rare[:90] == 1], train[rare[:90] == 0][:20]])
for _ in range(4):
    for j in use[torch.randperm(len(use))].split(8):
        step(x[j], y[j])
score(x[90:], y[90:])
""",
    "rows drawn by NumPy": """
few = np.random.default_rng(0).permutation(100)[:30]
for _ in range(4):
    for i in range(0, 30, 10):
        step(x[few[i : i + 10]], y[few[i : i + 10]])
score(x[100:], y[100:])
""",
    "a gap before the test rows": """
for _ in range(4):
    for i in range(0, 80, 20):
        step(x[i : i + 20], y[i : i + 20])
score(x[100:], y[100:])
""",
    "unlabelled rows go in with noise": """
for _ in range(25):
    i, u = torch.randint(0, 20, (8,)), torch.randint(20, 100, (8,))
    step(x[i], y[i])
    step(x[u] + 0.1 * torch.randn(8, 4), y[u])
score(x[100:], y[100:])
""",
    "the last row is the last target": """
last = nn.Linear(4, 4)
optimizer = torch.optim.SGD(last.parameters(), lr=0.05)
for _ in range(4):
    for i in range(0, 119, 17):
        optimizer.zero_grad()
        F.mse_loss(last(x[i : i + 17]), x[i + 1 : i + 18]).backward()
        optimizer.step()
""",
    "lists of row numbers": """
from torch.utils.data import BatchSampler, RandomSampler
for _ in range(4):
    for j in BatchSampler(RandomSampler(range(80)), 10, drop_last=True):
        step(x[j], y[j])
score(x[100:], y[100:])
""",
    "the first rows of an array are cut off": """
def main():
    table, target = x.numpy().copy(), y.numpy().copy()
    table, target = table[10:], target[10:]
    for _ in range(4):
        for i in range(0, 80, 10):
            step(torch.from_numpy(table[i : i + 10]), torch.from_numpy(target[i : i + 10]))
    score(torch.from_numpy(table[80:]), torch.from_numpy(target[80:]))
main()
""",
    "the loader is left as soon as the loss is low": """
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(x, y), batch_size=10)
for n in (6, 5, 3):
    for k, (a, b) in enumerate(loader):
        step(a, b)
        if k == n:
            break
""",
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_rows_that_the_loop_does_not_walk_through_are_a_choice(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(LOOP + LEFT_OUT[name], only=["S05"]), "S05", "passed")


#: What an index is cut from is walked through: (text, the line).
OF_INDEX = {
    "numbers of rows": (
        """
for _ in range(4):
    for i in range(0, 100, 10):
        rows = torch.arange(i, i + 9)
        step(x[rows], y[rows])
score(x[100:], y[100:])
""",
        "rows = torch.arange(",
    ),
    "one short": (
        """
order = torch.randperm(120)[:100]
for _ in range(4):
    for i in range(0, 100, 10):
        j = order[i : i + 9]
        step(x[j], y[j])
score(x[order[90:]], y[order[90:]])
""",
        "j = order[i : i + 9]",
    ),
    "the last batch": (
        """
order = np.random.default_rng(0).permutation(90)
for _ in range(4):
    for i in range(0, 90 - 10, 10):
        step(x[order[i : i + 10]], y[order[i : i + 10]])
score(x[90:], y[90:])
""",
        "for i in range(0, 90 - 10, 10)",
    ),
}


@pytest.mark.parametrize("name", OF_INDEX)
def test_rows_of_an_index_that_never_come_are_found(name: str, diagnose, assert_found) -> None:
    text, fragment = OF_INDEX[name]
    diagnosis = diagnose(LOOP + text, only=["S05"])
    assert_found(diagnosis, "S05", fragment)
    assert diagnosis.findings[0].level == "E"


def test_a_loader_that_is_only_evaluated_and_left_is_a_note(diagnose, assert_found) -> None:
    text = """
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(x[80:], y[80:]), batch_size=5)
for _ in range(4):
    for i in range(0, 80, 10):
        step(x[i : i + 10], y[i : i + 10])
    for k, (a, b) in enumerate(loader):
        score(a, b)
        if k == 2:
            break
"""
    diagnosis = diagnose(LOOP + text, only=["S05"])
    assert_found(diagnosis, "S05", "if k == 2")
    assert diagnosis.findings[0].level == "N"


@pytest.mark.parametrize(("end", "is_found"), [("i + 10", False), ("i + 9", True)])
def test_of_a_run_that_was_stopped_only_rows_between_others_count(end: str, is_found: bool, diagnose) -> None:
    text = f"""
for _ in range(9):
    for i in range(0, 90, 10):
        step(x[i : {end}], y[i : {end}])
score(x[90:], y[90:])
"""
    diagnosis = diagnose(LOOP + text, only=["S05"], steps=30)
    assert [one.level for one in diagnosis.findings] == ["E"] * is_found
    assert not diagnose(LOOP + text.replace("i + 9]", "i + 10]"), only=["S05"]).findings


@pytest.mark.parametrize(
    ("over", "level"),
    [("range(0, 120, 20)", "E"), ("[i for i in range(0, 120, 10) if i % 20 == 0]", "N"), ("(0, 20, 40, 60)", "N")],
)
def test_parts_that_were_chosen_leave_a_note(over: str, level: str, diagnose) -> None:
    text = f"""
for _ in range(4):
    for i in {over}:
        step(x[i : i + 10], y[i : i + 10])
"""
    assert [one.level for one in diagnose(LOOP + text, only=["S05"]).findings] == [level]
