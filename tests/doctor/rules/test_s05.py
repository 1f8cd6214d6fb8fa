"""Rows that never come."""

from __future__ import annotations

import pytest

SICK = {
    "slices from i in a loop over batches": (
        """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(320, 4)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(6):
    for i in range(320 // 32):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x[i : i + 32]), x[i : i + 32, :1]).backward()
        optimizer.step()
""",
        "for i in range(320 // 32):",
    ),
    "slices one short": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
for _ in range(4):
    for i in range(0, 64, 8):
        a, b = x[i : i + 7], y[i : i + 7]
        step(a, b)
""",
        "a, b = x[i : i + 7]",
    ),
    "the first batches": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
for _ in range(4):
    for k in range(5):
        step(x[k * 8 : k * 8 + 8], y[k * 8 : k * 8 + 8])
""",
        "for k in range(5):",
    ),
    "a range that begins at 1, in a table that is too large to be kept": (
        """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
table = np.random.default_rng(0).random((30_000, 3)).astype("float32")
x = torch.from_numpy(table)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(3):
    for k in range(1, 30_000, 1_000):
        optimizer.zero_grad()
        F.mse_loss(net(x[k : k + 1_000]), y[k : k + 1_000]).backward()
        optimizer.step()
""",
        "for k in range(1, 30_000, 1_000):",
    ),
    "a loader that is left": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(x, y), batch_size=8)
for _ in range(4):
    for k, (a, b) in enumerate(loader):
        step(a, b)
        if k == 3:
            break
""",
        "if k == 3:",
    ),
}

HEALTHY = {
    "all": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
for _ in range(4):
    for i in range(0, 64, 8):
        step(x[i : i + 8], y[i : i + 8])
""",
    "held out": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
for _ in range(4):
    for i in range(0, 48, 8):
        step(x[i : i + 8], y[i : i + 8])
with torch.no_grad():
    print(F.mse_loss(net(x[48:]), y[48:]))
""",
}

NOTHING = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
"""


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["S05"]), "S05", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S05"]), "S05", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S05"]), "S05", "not applicable")


DATASET = """
import torch
from torch.utils.data import DataLoader, Dataset
torch.manual_seed(0)
class Rows(Dataset):
    def __init__(self, x, y, window=4):
        self.x, self.y, self.window = x, y, window
    def __len__(self):
        return {length}
    def __getitem__(self, i):
        return {item}
net = torch.nn.Linear({width}, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
loader = DataLoader(Rows(torch.randn(60, 4), torch.randn(60, 1)), batch_size=5, shuffle=True)
for epoch in range(2):
    for xb, yb in loader:
        optimizer.zero_grad()
        (net(xb.flatten(1)) - yb).pow(2).mean().backward()
        optimizer.step()
"""
ROW, WINDOW, NEXT = (
    "self.x[i], self.y[i]",
    "self.x[i : i + self.window], self.y[i + self.window - 1]",
    "self.x[i], self.x[i + 1, :1]",
)
BLOCK = "self.x[i * self.window : (i + 1) * self.window], self.y[i]"

#: (length, item, width, it is too short)
LENGTHS = {
    "one short": ("len(self.x) - 1", ROW, 4, True),
    "the columns": ("self.x.shape[1] * 1 if False else self.x.shape[1]", ROW, 4, False),
    "the other axis": ("self.x.shape[1]", ROW, 4, True),
    "a left-over number": ("20", ROW, 4, True),
    "windows that do not overlap in length only": ("len(self.x) // self.window", WINDOW, 16, True),
    "windows": ("len(self.x) - self.window + 1", WINDOW, 16, False),
    "one window less": ("len(self.x) - self.window", WINDOW, 16, False),
    "blocks": ("len(self.x) // self.window", BLOCK, 16, False),
    "pairs": ("len(self.x) - 1", NEXT, 4, False),
    "all": ("len(self.x)", ROW, 4, False),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_the_length_of_a_dataset_is_held_against_what_it_holds(name: str, diagnose, assert_found) -> None:
    length, item, width, is_short = LENGTHS[name]
    diagnosis = diagnose(DATASET.format(length=length, item=item, width=width), only=["S05"])
    if is_short:
        assert_found(diagnosis, "S05", f"return {length}")
    else:
        assert not diagnosis.findings
        assert not diagnosis.failures


BY_CHANCE = """
import torch
torch.manual_seed(0)
x, y = torch.randn(80, 3), torch.randn(80, 1)
net = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for step in range(25):
    rows = torch.randint(0, 80, (10,))
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(net(x[rows]), y[rows]).backward()
    optimizer.step()
"""


def test_rows_drawn_by_chance_are_not_left_out(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(BY_CHANCE, only=["S05"]), "S05", "passed")


OF_ARRAYS = """
import numpy as np
import torch
torch.manual_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(100, 3))
y = x.sum(1, keepdims=True)
held, x, y = x[80:], {x}, y[:80]
net = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(4):
    for i in range({start}, 80, 10):
        a = {tensor}(x[i : {end}]){cast}
        b = {tensor}(y[i : {end}]){cast}
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(a), b).backward()
        optimizer.step()
"""
FORMS = [("torch.from_numpy", ".float()"), ("torch.tensor", ".float()")]


@pytest.mark.parametrize(("tensor", "cast"), FORMS)
def test_rows_of_an_array_that_is_cut_in_the_loop_count(tensor: str, cast: str, diagnose, assert_found) -> None:
    text = OF_ARRAYS.format(tensor=tensor, cast=cast, x="x[:80].copy()", start=0, end="i + 9")
    assert_found(diagnose(text, only=["S05"]), "S05", f"a = {tensor}(x[i : i + 9])")
    text = OF_ARRAYS.format(tensor=tensor, cast=cast, x="x[:80].copy()", start=10, end="i + 10")
    assert_found(diagnose(text, only=["S05"]), "S05", "for i in range(10, 80, 10)")


@pytest.mark.parametrize("x", ["x[:80].copy()", "x[:80]"])
def test_rows_that_a_slice_split_off_are_not_left_out(x: str, diagnose) -> None:
    text = OF_ARRAYS.format(tensor="torch.from_numpy", cast=".float()", x=x, start=0, end="i + 10")
    text = (
        text.replace("x[80:]", "x[70:]")
        .replace("x[:80]", "x[:70]")
        .replace("y[:80]", "y[:70]")
        .replace(", 80,", ", 70,")
    )
    assert not diagnose(text, only=["S05"]).findings
