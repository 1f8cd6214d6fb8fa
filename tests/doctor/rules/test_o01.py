"""Stale gradients."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
"""

LOADER = """
from torch.utils.data import DataLoader, TensorDataset
class Trainer:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
        self.opt = torch.optim.Adam(self.net.parameters(), lr=1e-3)
    def fit(self, loader):
        for epoch in range(2):
            self.opt.zero_grad()
            for xb, yb in loader:
                loss = F.mse_loss(self.net(xb), yb)
                loss.backward()
                self.opt.step()
Trainer().fit(DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True))
"""

PARTS = """
body, head = nn.Linear(3, 8), nn.Linear(8, 1)
optimizer = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.01)
criterion = nn.MSELoss()
for _ in range(6):
    head.zero_grad()
    criterion(head(torch.tanh(body(x))), y).backward()
    optimizer.step()
"""

CLOSURE = """
net = nn.Linear(3, 1)
optimizer = torch.optim.LBFGS(net.parameters(), lr=0.1, max_iter=4)
def closure():
    loss = F.mse_loss(net(x), y)
    loss.backward()
    return loss
for _ in range(4):
    optimizer.step(closure)
"""

RAW = """
w = torch.zeros(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for _ in range(8):
    loss = ((x @ w + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.01 * w.grad
        b -= 0.01 * b.grad
"""

TWICE = """
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    F.mse_loss(net(x), y).backward()
    for i in range(3):
        optimizer.step()
"""

GAN = """
G, D = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
opt_g, opt_d = torch.optim.Adam(G.parameters()), torch.optim.Adam(D.parameters())
bce = nn.BCEWithLogitsLoss()
one, zero = torch.ones(64, 1), torch.zeros(64, 1)
for _ in range(6):
    fake = G(torch.randn(64, 2))
    opt_d.zero_grad()
    bce(D(x), one).backward()
    bce(D(fake.detach()), zero).backward()
    opt_d.step()
    opt_g.zero_grad()
    bce(D(fake), one).backward()
    opt_g.step()
"""

LEAK = """
G, D = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
opt_g, opt_d = torch.optim.Adam(G.parameters()), torch.optim.Adam(D.parameters())
bce = nn.BCEWithLogitsLoss()
one, zero = torch.ones(64, 1), torch.zeros(64, 1)
for _ in range(6):
    fake = G(torch.randn(64, 2))
    d_loss = bce(D(x), one) + bce(D(fake.detach()), zero)
    d_loss.backward()
    opt_d.step()
    opt_d.zero_grad()
    bce(D(fake), one).backward()
    opt_g.step()
    opt_g.zero_grad()
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LOADER, "self.opt.step()"),
        (PARTS, "optimizer.step()"),
        (CLOSURE, "optimizer.step(closure)"),
        (RAW, "w -= 0.01 * w.grad"),
        (RAW.replace("w -= 0.01 * w.grad", "w.data -= 0.01 * w.grad"), "w.data -= 0.01 * w.grad"),
        (TWICE, "optimizer.step()"),
        (LEAK, "opt_d.step()"),
        (GAN.replace("    opt_d.zero_grad()\n", ""), "opt_d.step()"),
    ],
)
def test_the_line_is_named(diagnose, assert_found, text, line):
    assert_found(diagnose(HEAD + text, only=["O01"]), "O01", line)


def test_a_part_that_is_not_cleared_is_counted(diagnose):
    finding = diagnose(HEAD + PARTS, only=["O01"]).findings[0]
    assert "5 of 6 steps" in finding.evidence
    assert "2 of 4 parameters" in finding.evidence


@pytest.mark.parametrize(
    "text",
    [
        GAN,
        GAN.replace("opt_d.zero_grad()", "opt_d.zero_grad(set_to_none=False)"),
        GAN.replace("opt_d.zero_grad()", "[p.grad.data.zero_() for p in D.parameters() if p.grad is not None]"),
        CLOSURE.replace("    loss.backward()", "    optimizer.zero_grad()\n    loss.backward()"),
        CLOSURE.replace("    loss.backward()", "    optimizer.zero_grad(set_to_none=False)\n    loss.backward()"),
        RAW + "        w.grad = None\n        b.grad.data.zero_()\n",
        RAW + "        w.grad.zero_()\n        b.grad.zero_()\n",
        LOADER.replace("                self.opt.step()", "            self.opt.step()"),
        TWICE.replace("    for i in range(3):\n        optimizer.step()", "    optimizer.step()"),
    ],
)
def test_healthy_loops_are_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(HEAD + text, only=["O01"]), "O01", "passed")


def test_two_optimizers_may_share_one_backward(diagnose, assert_outcome):
    text = """
    body, head = nn.Linear(3, 8), nn.Linear(8, 1)
    one, two = torch.optim.SGD(body.parameters(), lr=0.01), torch.optim.Adam(head.parameters())
    for _ in range(5):
        F.mse_loss(head(body(x)), y).backward()
        one.step(); two.step()
        one.zero_grad(); two.zero_grad()
    """
    import textwrap

    assert_outcome(diagnose(HEAD + textwrap.dedent(text), only=["O01"]), "O01", "passed")


def test_without_a_step_there_is_nothing_to_look_at(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + "print(nn.Linear(3, 1)(x).shape)", only=["O01"]), "O01", "not applicable")
