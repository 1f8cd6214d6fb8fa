"""What a run that was cut off cannot tell: that something never happens."""

from __future__ import annotations

import pytest

SCRIPT = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(90, 4)
y = x.sum(1, keepdim=True)
x_train, y_train, x_test, y_test = x[:60], y[:60], x[60:], y[60:]
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head, self.aux = nn.Linear(4, 8), nn.Linear(8, 1), nn.Linear(8, 1)
    def forward(self, x):
        h = torch.relu(self.body(x))
        return self.head(h), self.aux(h)
class Later(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(1, 1)
        self.last = nn.Linear(1, 1)
    def forward(self, x):
        return self.first(x)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
second = torch.optim.SGD(net.aux.parameters(), lr=0.05)
for epoch in range(9):
    for i in range(0, 60, 10):
        out, aux = net(x_train[i : i + 10])
        loss = F.mse_loss(out, y_train[i : i + 10])
        if epoch > 4:
            loss = loss + F.mse_loss(aux, y_train[i : i + 10])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        second.step()
        {stop}
    with torch.no_grad():
        print("accuracy", F.mse_loss(net(x_train)[0], y_train))
with torch.no_grad():
    print("test", F.mse_loss(net(x_test)[0], y_test))
later = Later()
dict(later.named_children())["la" + "st"](later(y))
"""
RULES = ["A05", "O06", "S05", "V03", "V04", "V07"]


def test_what_is_left_to_come_is_no_finding(diagnose) -> None:
    diagnosis = diagnose(SCRIPT.format(stop="pass"), only=RULES, steps=30)
    assert diagnosis.stopped == "steps"
    assert (diagnosis.findings, diagnosis.failures) == ((), ())
    said = {one.rule: one.reason for one in diagnosis.outcomes if one.outcome == "not applicable"}
    assert {said["V03"], said["V07"]} == {"the script was stopped before its end: held-out rows may come there"}


def test_it_is_the_same_behind_an_exception(diagnose) -> None:
    diagnosis = diagnose(SCRIPT.format(stop="assert epoch < 3"), only=RULES)
    assert diagnosis.stopped.startswith("error: AssertionError")
    assert diagnosis.findings == ()


@pytest.mark.parametrize("steps", [None, 4])
def test_an_optimizer_of_a_net_that_is_gone_is_certain(steps: int | None, diagnose, assert_found) -> None:
    text = """
import torch
from torch import nn
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
for epoch in range(9):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
"""
    assert_found(diagnose(text, only=["O06"], steps=steps), "O06", "Adam(net.parameters()")


PHASES = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
body, head = nn.Linear(3, 8), nn.Linear(8, 1)
net = nn.Sequential(body, nn.ReLU(), head)
def fit(params):
    optimizer = torch.optim.Adam(params, lr=0.01)
    for step in range(20):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x), y).backward()
        optimizer.step()
fit(head.parameters())
"""


@pytest.mark.parametrize(("second", "level"), [("fit(net.parameters())", "N"), ("", "E")])
def test_an_optimizer_that_may_come_yet_makes_a_note(second: str, level: str, diagnose) -> None:
    (found,) = diagnose(PHASES + second, only=["O04"], steps=10).findings
    assert found.level == level
