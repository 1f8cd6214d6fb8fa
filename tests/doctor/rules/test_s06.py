"""Inputs and targets of different rows."""

from __future__ import annotations

import pytest

SICK = {
    "one side shuffled": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.randn(64, 1)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
x = x[torch.randperm(64)]
for i in range(0, 64, 16):
    step(x[i : i + 16], y[i : i + 16])
""",
        "x = x[torch.randperm(64)]",
    ),
    "two orders": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.randn(64, 1)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
for _ in range(4):
    p, q = torch.randperm(64)[:16], torch.randperm(64)[:16]
    step(x[p], y[q])
""",
        "step(x[p], y[q])",
    ),
}

HEALTHY = {
    "one order": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.randn(64, 1)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
p = torch.randperm(64)
x, y = x[p], y[p]
for i in range(0, 64, 16):
    step(x[i : i + 16], y[i : i + 16])
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
    assert_found(diagnose(text, only=["S06"]), "S06", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S06"]), "S06", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S06"]), "S06", "not applicable")


ARRAYS = """
import random
import numpy as np
import pandas as pd
import torch
from torch import nn
from sklearn.utils import shuffle
torch.manual_seed(0)
np.random.seed(0)
random.seed(0)
x = np.random.randn(64, 4).astype("float32")
y = (x[:, :1] * 2).astype("float32")
{before}
x, y = {made}
data = torch.utils.data.TensorDataset(x, y)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for a, b in torch.utils.data.DataLoader(data, batch_size=16, shuffle=True):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(a), b).backward()
    optimizer.step()
"""
FROM, LEGACY = "torch.from_numpy(x), torch.from_numpy(y)", "torch.FloatTensor(x), torch.FloatTensor(y)"
FRAME = "f = pd.DataFrame(x)\nf['y'] = y\n"
SICK_ARRAYS = {
    "shuffled in place": ("np.random.shuffle(x)", "np.random.shuffle(x)"),
    "each for itself": ("np.random.shuffle(x)\nnp.random.shuffle(y)", "np.random.shuffle(y)"),
    "by an order": ("rng = np.random.default_rng(1)\np = rng.permutation(64)\nx = x[p]", "x = x[p]"),
    "a frame's sample": (FRAME + "x = f[[0, 1, 2, 3]].sample(frac=1).to_numpy()", "sample(frac=1)"),
    "a frame sorted behind its targets": (
        FRAME + "y = f[['y']].to_numpy()\nf = f.sort_values(0)\nx = f[[0, 1, 2, 3]].to_numpy()",
        "f = f.sort_values(0)",
    ),
    "a frame sorted in place": (
        FRAME + "y = f[['y']].to_numpy()\nf.sort_values(by=0, inplace=True)\nx = f[[0, 1, 2, 3]].to_numpy()",
        "f.sort_values(by=0, inplace=True)",
    ),
    "sorted by an argsort": ("p = np.argsort(x[:, 0])\nx = x[p]", "x = x[p]"),
    "rows dropped of the inputs alone": (
        FRAME + "f.iloc[3, 0] = np.nan\ng = f.dropna()\nx = g[[0, 1, 2, 3]].to_numpy()\n"
        "y = f[['y']].to_numpy()[: len(x)]",
        "f[['y']].to_numpy()[: len(x)]",
    ),
    "a mask for the inputs alone": (
        "z, keep = x, x[:, 0] < 1\nx = x[keep]\nn = len(x)\ny = (z[:, 1:2] * 2)[:n]",
        "(z[:, 1:2] * 2)[:n]",
    ),
    "in a function": (
        "def mix(a, b):\n    a = a - a.mean(0)\n    np.random.shuffle(a)\n    return a, b\nx, y = mix(x, y)",
        "np.random.shuffle(a)",
    ),
}
STATE = "s = np.random.get_state()\nnp.random.shuffle(x)\nnp.random.set_state(s)\nnp.random.shuffle(y)"
INDEX = "g = f[[0, 1, 2, 3]].sample(frac=1)\nx, y = g.values, f.loc[g.index, ['y']].values"
HEALTHY_ARRAYS = {
    "what a distribution draws": (
        "x = torch.distributions.Normal(torch.zeros(4), torch.ones(4)).sample((64,)).numpy()\n"
        "y = (x @ np.ones((4, 1)) + np.random.randn(64, 1)).astype('float32')"
    ),
    "rows dropped of both": (
        FRAME
        + "f.iloc[3, 0] = np.nan\ng = f.dropna()\nx = g[[0, 1, 2, 3]].to_numpy()\ny = g[['y']].to_numpy()[: len(x)]"
    ),
    "one mask": "z, keep = x, x[:, 0] < 1\nx, y = x[keep], y[keep][: len(x)]",
    "no row dropped": "z, keep = x, x[:, 0] < 99\nx, y = x[keep], (z[:, :1] * 2)[: len(x[keep])]",
    "the last rows dropped": "z, keep = x, np.arange(64) < 50\nx, y = x[keep], (z[:, :1] * 2)[: len(x[keep])]",
    "windows": "z = x\nx = np.stack([x[i + 1] - x[i] for i in range(50)])\ny = (z[:, :1] * 2)[: len(x)]",
    "one order": "p = np.random.permutation(64)\nx, y = x[p], y[p]",
    "the seed set anew": "np.random.seed(1)\nnp.random.shuffle(x)\nnp.random.seed(1)\nnp.random.shuffle(y)",
    "the state put back": STATE,
    "both at once": "x, y = shuffle(x, y)",
    "pairs": "p = list(zip(x, y))\nrandom.shuffle(p)\nx, y = map(np.array, zip(*p))",
    "targets made later": "np.random.shuffle(x)\ny = (x[:, :1] * 2).copy()",
    "targets by the frame's index": FRAME
    + "g = f[[0, 1, 2, 3]].sample(frac=1)\nx, y = g.values, f.loc[g.index, ['y']].values",
    "a frame sorted before": (
        FRAME + "f = f.sort_values(0, ignore_index=True)\nx, y = f[[0, 1, 2, 3]].to_numpy(), f[['y']].to_numpy()"
    ),
    "both by one argsort": "p = np.argsort(x[:, 0])\nx, y = x[p], y[p]",
    "two tables brought together": (
        "a, b = pd.DataFrame(x), pd.DataFrame(np.random.randn(64, 1))\na['id'] = np.random.permutation(64)\n"
        "x = a.sort_values('id').drop(columns='id').to_numpy()\ny = b.to_numpy().astype('float32')"
    ),
    "the same random state": (
        "x = pd.DataFrame(x).sample(frac=1, random_state=2).values\n"
        "y = pd.DataFrame(y).sample(frac=1, random_state=2).values"
    ),
}


@pytest.mark.parametrize("made", [FROM, LEGACY])
@pytest.mark.parametrize("name", SICK_ARRAYS)
def test_an_order_that_only_one_array_went_through_is_found(name: str, made: str, diagnose, assert_found) -> None:
    before, fragment = SICK_ARRAYS[name]
    assert_found(diagnose(ARRAYS.format(before=before, made=made), only=["S06"]), "S06", fragment)


@pytest.mark.parametrize("made", [FROM, LEGACY])
@pytest.mark.parametrize("name", HEALTHY_ARRAYS)
def test_arrays_in_one_order_are_passed(name: str, made: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(ARRAYS.format(before=HEALTHY_ARRAYS[name], made=made), only=["S06"]), "S06", "passed")
