"""Learned by heart."""

from __future__ import annotations

import pytest

HEAD = """
import copy
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x, y = torch.randn(140, 10), {y}
net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, {d}))
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
"""
CHANCE, KNOWN = "torch.randint(0, 2, (140,))", "None; y = (x[:, 0] > 0).long()"
LOOP = """
for epoch in range(100):
    loss = F.cross_entropy(net(x[:40]), y[:40])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        with torch.no_grad():
            held = F.cross_entropy(net(x[40:]), y[40:]).item()
"""
AMOUNTS = """
criterion = nn.MSELoss()
def epoch_of(n):
    for i in range(0, 40, 20):
        optimizer.zero_grad()
        criterion(net(x[i : i + 20]), y[i : i + 20]).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        held = criterion(net(x[40:]), y[40:])
    net.train()
for n in range(60):
    epoch_of(n)
"""
NOTHING = HEAD.format(y=KNOWN, d=2)

SICK = {
    "classes": (HEAD.format(y=CHANCE, d=2) + LOOP, "for epoch in range(100):"),
    "amounts in a function": (HEAD.format(y="torch.randn(140, 1)", d=1) + AMOUNTS, "for n in range(60):"),
}

HEALTHY = {
    "it can be learned": (HEAD.format(y=KNOWN, d=2) + LOOP).replace("range(100)", "range(60)").replace("0.02", "0.005"),
    "the best weights are loaded": (
        HEAD.format(y=CHANCE, d=2) + "kept = copy.deepcopy(net.state_dict())\n" + LOOP + "net.load_state_dict(kept)"
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["S10"]), "S10", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S10"]), "S10", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S10"]), "S10", "not applicable")


TURNS = """
def report(x, y):
    with torch.no_grad():
        return F.cross_entropy(net(x), y).item()
for epoch in range(100):
    for i in torch.randperm(40).split(20):
        optimizer.zero_grad()
        F.cross_entropy(net(x[i]), y[i]).backward()
        optimizer.step()
    if epoch % 20 == 19:
        print(report(x[:40], y[:40]), report(x[40:], y[40:]))
"""
BATCHES = """
for epoch in range(100):
    optimizer.zero_grad()
    F.cross_entropy(net(x[:40]), y[:40]).backward()
    optimizer.step()
    with torch.no_grad():
        held = sum(F.cross_entropy(net(x[i : i + 25]), y[i : i + 25]).item() for i in range(40, 140, 25))
"""


def test_two_sets_that_are_evaluated_in_turn_on_one_line_are_told_apart(diagnose, assert_found):
    assert_found(diagnose(HEAD.format(y=CHANCE, d=2) + TURNS, only=["S10"]), "S10", "for epoch in range(100):")


def test_held_out_batches_are_judged_together(diagnose, assert_found):
    assert_found(diagnose(HEAD.format(y=CHANCE, d=2) + BATCHES, only=["S10"]), "S10", "for epoch in range(100):")


def test_held_out_batches_whose_loss_falls_are_right(diagnose, assert_outcome):
    text = (HEAD.format(y=KNOWN, d=2) + BATCHES).replace("range(100)", "range(50)").replace("0.02", "0.005")
    assert_outcome(diagnose(text, only=["S10"]), "S10", "passed")


IDS = """
import torch
from torch import nn
torch.manual_seed(0)
pairs = torch.randperm(12 * 15)[:120]
who, what = pairs // 15, pairs % 15
y = torch.randint(0, 2, (120,)).float()
class Config:
    epochs = 120
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Embedding(12, 24), nn.Embedding(15, 24), nn.Linear(24, 1)
    def forward(self, a, b):
        return self.out(self.a(a) * self.b(b)).squeeze(1)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
def loss_of(rows):
    return nn.functional.binary_cross_entropy_with_logits(net(who[rows], what[rows]), y[rows])
fit, held = slice(0, 80), slice(80, 120)
for epoch in range(Config.epochs):
    loss = loss_of(fit)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        with torch.no_grad():
            print(loss_of(held).item())
"""


def test_rows_are_told_apart_by_all_their_ids(diagnose, assert_found) -> None:
    assert_found(diagnose(IDS, only=["S10"]), "S10", "net = Net()")
