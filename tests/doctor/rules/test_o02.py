"""Gradients cleared before the step."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(64, 3)
y = (x.sum(1) > 0).long()
"""

CLASS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(3, 8), nn.Linear(8, 2)
    def forward(self, x):
        return self.two(torch.relu(self.one(x)))

def train(model, loader, opt):
    for xb, yb in loader:
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        model.zero_grad()
        opt.step()

net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for epoch in range(2):
    train(net, DataLoader(TensorDataset(x, y), batch_size=16), opt)
"""

BY_HAND = """
w = torch.zeros(3, 2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for i in range(5):
    loss = F.cross_entropy(x @ w, y)
    loss.backward()
    w.grad.zero_()
    optimizer.step()
"""

FILLED = """
net = nn.Sequential(nn.Linear(3, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(0, 64, 8):
    out = net(x[i:i + 8])
    loss = nn.CrossEntropyLoss()(out, y[i:i + 8])
    loss.backward()
    optimizer.zero_grad(set_to_none=False)
    optimizer.step()
"""

HALF_FROZEN = """
body, head = nn.Linear(3, 8), nn.Linear(8, 2)
optimizer = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.1)
for i in range(5):
    optimizer.zero_grad()
    F.cross_entropy(head(body(x)), y).backward()
    body.zero_grad()
    optimizer.step()
"""

ATTACKED = """
net = nn.Linear(3, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(5):
    near = x.clone().requires_grad_(True)
    F.cross_entropy(net(near), y).backward()
    near = near.detach() + 0.1 * near.grad.sign()
    optimizer.zero_grad()
    F.cross_entropy(net(near), y).backward()
    optimizer.step()
"""

ALL_DEAD = """
net = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
net[0].bias.data.fill_(-100)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(5):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (CLASS, "model.zero_grad()"),
        (BY_HAND, "w.grad.zero_()"),
        (FILLED, "optimizer.zero_grad(set_to_none=False)"),
    ],
)
def test_the_line_is_named(diagnose, assert_found, text, line):
    assert_found(diagnose(HEAD + text, only=["O02"]), "O02", line)


@pytest.mark.parametrize(
    "text",
    [
        HALF_FROZEN,
        ATTACKED,
        ALL_DEAD,
        CLASS.replace("        model.zero_grad()\n        opt.step()", "        opt.step()\n        model.zero_grad()"),
    ],
)
def test_healthy_loops_are_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(HEAD + text, only=["O02"]), "O02", "passed")


def test_without_a_step_there_is_nothing_to_look_at(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + "nn.Linear(3, 1)(x)", only=["O02"]), "O02", "not applicable")
