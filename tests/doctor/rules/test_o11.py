"""The same batch stepped many times."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(80, 3)
y = x.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(x, y), batch_size=16)
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
def step(xb, yb):
    optimizer.zero_grad()
    F.mse_loss(net(xb), yb).backward()
    optimizer.step()
bs = 16
n_batches = len(x) // bs
"""

PERM = """
for epoch in range(4):
    perm = torch.randperm(80)
    for i in range(n_batches):
        rows = perm[0:bs]
        step(x[rows], y[rows])
"""
SLICES = """
for epoch in range(4):
    for i in range(0, 80, bs):
        optimizer.zero_grad()
        out = net(x[:bs])
        F.mse_loss(out, y[:bs]).backward()
        optimizer.step()
"""
FIRST = """
for epoch in range(10):
    xb, yb = next(iter(loader))
    step(xb, yb)
"""
WHOLE = """
for epoch in range(3):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
"""
ROUNDS = """
for epoch in range(3):
    for i in range(0, len(x), bs):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
"""
RAW = """
w = torch.zeros(3, 1, requires_grad=True)
for epoch in range(4):
    for i in range(n_batches):
        loss = F.mse_loss(x[:bs] @ w, y[:bs])
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            w.grad = None
"""
STREAM = """
def endless(loader):
    while True:
        yield from loader
stream = endless(loader)
for epoch in range(4):
    xb, yb = next(stream)
    for _ in range(len(loader)):
        optimizer.zero_grad()
        F.mse_loss(net(xb), yb).backward()
        optimizer.step()
"""
RAW_BY_EPOCH = """
w = torch.zeros(3, 1, requires_grad=True)
sgd = torch.optim.SGD([w], lr=0.1)
for epoch in range(40):
    order = torch.randperm(80)
    for i in range(n_batches):
        start = epoch * bs % 80
        rows = order[start : start + bs]
        sgd.zero_grad()
        F.mse_loss(x[rows] @ w, y[rows]).backward()
        sgd.step()
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (STREAM, "xb, yb = next(stream)"),
        (RAW_BY_EPOCH, "start = epoch * bs % 80"),
        (PERM, "rows = perm[0:bs]"),
        (SLICES, "out = net(x[:bs])"),
        (FIRST, "xb, yb = next(iter(loader))"),
        (WHOLE, "loss = F.mse_loss(net(x), y)"),
        (ROUNDS, "loss = F.mse_loss(net(x), y)"),
        (
            "for epoch in range(4):\n    for i in range(n_batches):\n        step(x[:bs], y[:bs])",
            "step(x[:bs], y[:bs])",
        ),
        (RAW, "loss = F.mse_loss(x[:bs] @ w, y[:bs])"),
    ],
)
def test_the_line_is_named(diagnose, assert_found, text, line):
    assert_found(diagnose(HEAD + text, only=["O11"]), "O11", line)


@pytest.mark.parametrize(
    "text",
    [
        PERM.replace("perm[0:bs]", "perm[i * bs:(i + 1) * bs]"),
        WHOLE.replace("net(x), y", "net(xb), yb"),
        "for epoch in range(30):\n    step(x, y)",
        "for lr in (1, 2):\n    for epoch in range(30):\n        step(x, y)",
        "for epoch in range(30):\n    step(x[:64], y[:64])",
        "for k in (1, 2):\n    for epoch in range(9):\n        step(x[:64], y[:64])\n"
        "with torch.no_grad():\n    net(x[64:])",
        "for xb, yb in loader:\n    for _ in range(4):\n        step(xb, yb)",
        "for epoch in range(3):\n    for _ in range(n_batches):\n"
        "        r = torch.randint(0, 80, (16,))\n        step(x[r], y[r])",
        RAW.replace(":bs]", "i * bs:i * bs + bs]"),
        RAW_BY_EPOCH.replace("epoch * bs", "i * bs"),
        RAW_BY_EPOCH.replace("order[start : start + bs]", "torch.randint(0, 80, (bs,))"),
    ],
)
def test_healthy_loops_are_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(HEAD + text, only=["O11"]), "O11", "passed")


def test_a_loop_over_time_is_no_loop_over_batches(diagnose, assert_outcome):
    text = """
for epoch in range(9):
    h = torch.zeros(80, 3)
    for _ in range(len(x) // bs):
        h = x + net(x)
    optimizer.zero_grad()
    F.mse_loss(h, x).backward()
    optimizer.step()
"""
    assert_outcome(diagnose(HEAD + text, only=["O11"]), "O11", "not applicable")


def test_without_steps_there_is_nothing_to_look_at(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD, only=["O11"]), "O11", "not applicable")


CUT_BEFORE = """
batches = list(zip(x.split(16), y.split(16)))
for epoch in range(6):
    for i in range(len(batches)):
        xb, yb = batches[epoch % len(batches)]
        out = net(xb)
        optimizer.zero_grad()
        F.mse_loss(out, yb).backward()
        optimizer.step()
"""


def test_batches_that_were_cut_before_are_seen(diagnose, assert_found, assert_outcome):
    found = diagnose(HEAD + CUT_BEFORE, only=["O11"])
    assert_found(found, "O11", "xb, yb = batches[epoch % len(batches)]")
    assert_outcome(diagnose(HEAD + CUT_BEFORE.replace("epoch % len(batches)", "i"), only=["O11"]), "O11", "passed")


OF_NUMPY = """
a, b = x.numpy() * 2, y.numpy() * 2
for epoch in range(4):
    order = np.random.permutation(80)
    for i in range(n_batches):
        rows = order[epoch * bs:(epoch + 1) * bs]
        xb = torch.from_numpy(a[rows])
        optimizer.zero_grad()
        F.mse_loss(net(xb), torch.from_numpy(b[rows])).backward()
        optimizer.step()
"""


def test_rows_of_arrays_are_seen(diagnose, assert_found, assert_outcome):
    text = "import numpy as np\nnp.random.seed(0)" + HEAD + OF_NUMPY
    assert_found(diagnose(text, only=["O11"]), "O11", "rows = order[epoch * bs")
    healthy = text.replace("epoch * bs", "i * bs").replace("epoch + 1", "i + 1")
    assert_outcome(diagnose(healthy, only=["O11"]), "O11", "passed")


def test_rows_of_arrays_inside_a_function_are_seen(diagnose, assert_found):
    text = OF_NUMPY.replace("\n", "\n    ").replace("a, b = x.numpy() * 2", "a, b = x.numpy() * 3")
    text = "import numpy as np\nnp.random.seed(0)" + HEAD + "def main():" + text + "\nmain()"
    assert_found(diagnose(text, only=["O11"]), "O11", "rows = order[epoch * bs")


def test_several_updates_on_rows_drawn_before_are_passed(diagnose, assert_outcome):
    text = "import numpy as np\nnp.random.seed(0)" + HEAD + OF_NUMPY.replace("range(n_batches)", "range(5)")
    assert_outcome(diagnose(text, only=["O11"]), "O11", "passed")
