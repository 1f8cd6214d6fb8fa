"""Layers that still train while the net is evaluated."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(150, 4)
y = (x[:, 0] > 0).long()
"""
SEQUENTIAL = "net = nn.Sequential(nn.Linear(4, 16), {layer}, nn.ReLU(), nn.Linear(16, 2))\n"
CLASS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 16), nn.Linear(16, 2)
    def forward(self, x):
        return self.b(F.dropout(torch.relu(self.a(x)), 0.5{training}))
net = Net()
"""
LOOP = """
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(4):
    net.train()
    for i in range(0, 100, 25):
        optimizer.zero_grad()
        F.cross_entropy(net(x[i : i + 25]), y[i : i + 25]).backward()
        optimizer.step()
{before}
with torch.no_grad():
    z = net(x[100:])
    print((z.argmax(1) == y[100:]).float().mean().item())
"""

SICK = {
    "dropout": HEAD + SEQUENTIAL.format(layer="nn.Dropout(0.5)") + LOOP.format(before=""),
    "batch norm": HEAD + SEQUENTIAL.format(layer="nn.BatchNorm1d(16)") + LOOP.format(before=""),
    "functional, by self.training": HEAD + CLASS.format(training=", self.training") + LOOP.format(before=""),
    "functional, always": HEAD + CLASS.format(training="") + LOOP.format(before="net.eval()"),
    "only another net was set": (
        HEAD + SEQUENTIAL.format(layer="nn.Dropout(0.5)") + LOOP.format(before="nn.Linear(2, 2).eval()")
    ),
}

HEALTHY = {
    "eval": HEAD + SEQUENTIAL.format(layer="nn.Dropout(0.5)") + LOOP.format(before="net.eval()"),
    "functional, eval": HEAD + CLASS.format(training=", self.training") + LOOP.format(before="net.eval()"),
    "on purpose": HEAD + SEQUENTIAL.format(layer="nn.Dropout(0.5)") + LOOP.format(before="net.eval()\nnet[1].train()"),
    "statistics anew": (
        HEAD
        + SEQUENTIAL.format(layer="nn.BatchNorm1d(16)")
        + LOOP.format(before="with torch.no_grad():\n    net(x[:100])\nnet.eval()")
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    line = "F.dropout" if name == "functional, always" else "z = net(x[100:])"  # eval() does not reach this one
    assert_found(diagnose(SICK[name], only=["V01"]), "V01", line)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["V01"]), "V01", "passed")


def test_a_net_without_such_layers_need_not_be_set(diagnose, assert_outcome) -> None:
    text = HEAD + SEQUENTIAL.format(layer="nn.LayerNorm(16)") + LOOP.format(before="")
    assert_outcome(diagnose(text, only=["V01"]), "V01", "not applicable")


NAMED = """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(60, 4), torch.randint(0, 2, (60,))
class Trainer:
    def __init__(self):
        self.model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
    def fit(self):
        for epoch in range(10):
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self.model(x[:40]), y[:40]).backward()
            self.optimizer.step()
    def score(self):
        with torch.no_grad():
            return (self.model(x[40:]).argmax(1) == y[40:]).float().mean().item()
trainer = Trainer()
trainer.fit()
print(trainer.score())
"""


def test_the_net_is_named_as_the_script_does(diagnose) -> None:
    (one,) = diagnose(NAMED, only=["V01"]).findings
    assert one.message.startswith("Dropout of the net still works")
    assert "in 1 evaluation that" in one.evidence
    assert "Dropout (layer 2) was" in one.evidence
    assert "self.model.eval()  # and self.model.train()" in one.fix


def test_a_score_over_a_column_and_a_row_is_one(diagnose, assert_found) -> None:
    text = NAMED.replace(
        "(self.model(x[40:]).argmax(1) == y[40:]).float()", "(self.model(x[40:])[:, :1] - y[40:]).abs()"
    )
    assert_found(diagnose(text, only=["V01"]), "V01", "self.model(x[40:])[:, :1] - y[40:]")
