"""Labels of another encoding."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(150, 4)
y = x.sum(1, keepdim=True)
"""
OTHER = """
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
def fit(a, b, epochs=12):
    for epoch in range(epochs):
        for i in range(0, len(a), 50):
            optimizer.zero_grad()
            F.mse_loss(net(a[i : i + 50]), b[i : i + 50]).backward()
            optimizer.step()
def score(a, b):
    with torch.no_grad():
        return F.mse_loss(net(a), b).item()
"""


TRAIN = """
label = torch.randint(0, 3, (150,))
x = F.one_hot(label, 4).float() + 0.1 * torch.randn(150, 4)
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
for _ in range(30):
    optimizer.zero_grad()
    F.cross_entropy(net(x[:90]), label[:90]).backward()
    optimizer.step()
"""
NOTHING = HEAD + TRAIN

SICK = {
    "from 1": (
        HEAD + TRAIN + "label = label + 1\nprint((net(x[90:]).argmax(1) == label[90:]).float().mean())",
        "argmax(1) ==",
    ),
    "another order": (
        HEAD + TRAIN + "code = torch.tensor([2, 0, 1])\n_, guess = torch.max(net(x[90:]), 1)\n"
        "print((guess == code[label[90:]]).sum())",
        "(guess == code[label[90:]]).sum()",
    ),
}

HEALTHY = {
    "clusters that get their names afterwards": HEAD
    + TRAIN.replace(
        "F.cross_entropy(net(x[:90]), label[:90]).backward()",
        "F.mse_loss(net(x[:90]), x[:90, [1, 2, 0]]).backward()",
    )
    + "print((net(x[90:]).argmax(1) == label[90:]).float().mean())",
    "one encoding": HEAD + TRAIN + "print((net(x[90:]).argmax(1) == label[90:]).float().mean())",
    "shifted back": HEAD + TRAIN + "label = label + 1\nprint((net(x[90:]).argmax(1) == label[90:] - 1).sum())",
    "a net that knows nothing": HEAD + TRAIN + "net[2].reset_parameters()\nprint((net(x).argmax(1) == label).sum())",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["S12"]), "S12", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S12"]), "S12", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S12"]), "S12", "not applicable")
