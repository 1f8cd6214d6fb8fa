"""Inputs that are no numbers, or all the same."""

from __future__ import annotations

import pytest

SICK = {
    "a logarithm": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
x = torch.log(x)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
""",
        "x = torch.log(x)",
    ),
    "NumPy": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
import numpy as np
a = np.sqrt(x.numpy())
x = torch.from_numpy(a)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
""",
        "np.sqrt",
    ),
    "an integer division": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
x = torch.randint(0, 255, (64, 4)) // 255
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x.float()), y)
    loss.backward()
    optimizer.step()
""",
        "// 255",
    ),
}

HEALTHY = {
    "fine": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 1)
    def forward(self, x):
        z = self.two(torch.tanh(self.one(x)))
        return z
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
""",
    "filled in by the net": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
x[0, 0] = float('nan')

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 1)
    def forward(self, x):
        z = self.two(torch.tanh(self.one(torch.nan_to_num(x))))
        return z
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
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
    assert_found(diagnose(text, only=["S07"]), "S07", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S07"]), "S07", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S07"]), "S07", "not applicable")


def test_what_the_net_itself_makes_of_good_inputs_is_not_named_beside_it(diagnose, assert_found):
    text = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(64, 6)
x[7] = 0
first, last = nn.Linear(6, 6, bias=False), nn.Linear(6, 1)
optimizer = torch.optim.SGD([*first.parameters(), *last.parameters()], lr=0.01)
for _ in range(12):
    h = first(x)
    h = h / h.std(1, keepdim=True)
    optimizer.zero_grad()
    nn.functional.mse_loss(last(h), x[:, :1]).backward()
    optimizer.step()
"""
    diagnosis = diagnose(text, only=["D07", "S07"])
    assert_found(diagnosis, "D07", "h = h / h.std")
    assert [one.rule for one in diagnosis.findings if one.level in "EW"] == ["D07"]


COLUMNS = """
import numpy as np
import torch
np.seterr(all="ignore")
torch.manual_seed(0)
x = np.random.default_rng(0).uniform(1, 5, (60, 3)).astype("float32")
y = torch.randn(60, 1)
{before}
x = torch.from_numpy(x)
net = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for step in range(30):
    rows = slice(step % 30 * 2, step % 30 * 2 + 2)
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(net(x[rows]), y[rows]).backward()
    optimizer.step()
"""
#: (what is done to the columns, the fragment of the line that breaks them)
BROKEN = {
    "a logarithm in a loop over columns": (
        "x[::2, 1] = 0\nfor j in range(3):\n    x[:, j] = np.log(x[:, j])", "x[:, j] = np.log(x[:, j])",
    ),
    "a column without spread": (
        "k = np.log(x.max() + 1)\nx[:, 0] = 2\nx = (x - x.mean(0)) / x.std(0)", "(x - x.mean(0)) / x.std(0)",
    ),
    "missing": ("x[::2, 1] = np.nan\nx = x / x.max()", "torch.from_numpy(x)"),
    "one batch that nobody looked at": ("x[12, 1] = 0\nx = np.log(x)", "x = np.log(x)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_the_line_that_makes_them_is_named(name: str, diagnose, assert_found) -> None:
    before, fragment = BROKEN[name]
    assert_found(diagnose(COLUMNS.format(before=before), only=["S07"]), "S07", fragment)


FRAME = """
import numpy as np
import pandas as pd
import torch
rng = np.random.default_rng(0)
frame = pd.DataFrame({{"a": rng.uniform(1, 5, 60), "b": rng.poisson(2.0, 60), "c": rng.poisson(2.0, 60)}})
frame["c"] = frame["b"] * rng.poisson(2.0, 60)
{before}
x = torch.tensor(frame.to_numpy(), dtype=torch.float32)
y = x[:, :1] * 2
net = torch.nn.Linear(x.shape[1], 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
"""
OF_COLUMNS = {
    "a ratio": 'frame["r"] = frame["c"] / frame["b"]',
    "a step in time": 'frame["d"] = frame["a"].shift(1)',
    "words that a dict lacks": 'frame["e"] = frame["b"].map({0: 0, 1: 1, 2: 2})',
}


@pytest.mark.parametrize("name", OF_COLUMNS)
def test_the_statement_that_gave_a_column_its_nan_is_named(name: str, diagnose, assert_found) -> None:
    before = OF_COLUMNS[name]
    text = FRAME.format(before=before)
    assert_found(diagnose(text, only=["S07"]), "S07", before)


def test_a_ratio_in_a_function_is_named_too(diagnose, assert_found) -> None:
    before = 'def more(t):\n    t["r"] = t["c"] / t["b"]\n    return t.to_numpy()\nframe = more(frame)'
    text = FRAME.format(before=before).replace("frame.to_numpy()", "frame")
    assert_found(diagnose(text, only=["S07"]), "S07", 't["r"] = t["c"] / t["b"]')
