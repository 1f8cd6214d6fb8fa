"""Optimizers and models made anew inside the loop."""

from __future__ import annotations

import pytest

HEAD = """
import copy
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
def make():
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
"""

PER_EPOCH = """
def train_epoch(net):
    opt = torch.optim.Adam(net.parameters(), lr=0.01)
    for xb, yb in loader:
        opt.zero_grad()
        F.mse_loss(net(xb), yb).backward()
        opt.step()
net = make()
for epoch in range(4):
    train_epoch(net)
"""

PER_BATCH = """
net = make()
for epoch in range(2):
    for xb, yb in loader:
        opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
        opt.zero_grad()
        F.mse_loss(net(xb), yb).backward()
        opt.step()
"""

MODEL = """
for epoch in range(4):
    net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    opt = torch.optim.Adam(net.parameters(), lr=0.01)
    for xb, yb in loader:
        opt.zero_grad()
        F.mse_loss(net(xb), yb).backward()
        opt.step()
    print(epoch)
"""

ADAPTED = (
    PER_EPOCH.replace("Adam", "SGD")
    + """
for epoch in range(4):
    near = copy.deepcopy(net)
    opt = torch.optim.SGD(near.parameters(), lr=0.01)
    opt.zero_grad()
    near(x).var().backward()
    opt.step()
"""
)
RESTARTS = PER_EPOCH.replace("    for xb, yb in loader:\n", "    for xb, yb in [*loader, *loader, *loader]:\n")
PLAIN = PER_EPOCH.replace("Adam", "SGD")
DECAYED = (
    PER_EPOCH.replace("def train_epoch(net)", "def train_epoch(net, lr)")
    .replace("0.01", "lr")
    .replace("train_epoch(net)\n", "train_epoch(net, 0.01 * 0.9 ** epoch)\n")
    .replace("def train_epoch(net, 0.01 * 0.9 ** epoch)", "def train_epoch(net, lr)")
)
SEEDS = MODEL.replace("epoch", "seed").replace("    net =", "    torch.manual_seed(seed)\n    net =")
ENSEMBLE = "nets = []\n" + MODEL + "    nets.append(net)\nprint(sum(n(x) for n in nets).shape)"
LOCAL = """
server = make()
net = make()
for epoch in range(4):
    net.load_state_dict(server.state_dict())
    opt = torch.optim.Adam(net.parameters(), lr=0.01)
    for xb, yb in loader:
        opt.zero_grad()
        F.mse_loss(net(xb), yb).backward()
        opt.step()
"""
ATTACK = """
net = make()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for xb, yb in loader:
    delta = torch.zeros_like(xb, requires_grad=True)
    inner = torch.optim.Adam([delta], lr=0.1)
    for _ in range(2):
        inner.zero_grad()
        (-F.mse_loss(net(xb + delta), yb)).backward()
        inner.step()
    opt.zero_grad()
    F.mse_loss(net(xb + delta.detach()), yb).backward()
    opt.step()
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (PER_EPOCH, "opt = torch.optim.Adam(net.parameters(), lr=0.01)"),
        (PER_BATCH, "opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)"),
        (MODEL, "net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))"),
        (
            MODEL.replace("nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))", "make()"),
            "opt = torch.optim.Adam",
        ),
    ],
)
def test_the_line_is_named(diagnose, assert_found, text, line):
    assert_found(diagnose(HEAD + text, only=["O07"]), "O07", line)


@pytest.mark.parametrize("text", [RESTARTS, PLAIN, DECAYED, SEEDS, ENSEMBLE, LOCAL, ATTACK, ADAPTED])
def test_loops_that_mean_it_are_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(HEAD + text, only=["O07"]), "O07", "passed")


def test_without_a_step_there_is_nothing_to_look_at(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + "make()(x)", only=["O07"]), "O07", "not applicable")
