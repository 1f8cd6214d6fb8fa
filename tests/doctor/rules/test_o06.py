"""Optimizers that hold parameters without gradients."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
def fit(net, optimizer, n=6):
    for _ in range(n):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Linear(3, 8), nn.ReLU()), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(self.body(x))
"""

OTHER = """
def main():
    one, two = Net(), Net()
    optimizer = torch.optim.Adam(one.parameters(), lr=0.01)
    fit(two, optimizer)
main()
"""
REPLACED = """
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
net.head = nn.Linear(8, 1)
fit(net, optimizer)
"""
RAW = """
w, b, c = [torch.randn(*s, requires_grad=True) for s in [(3, 1), (1,), (1,)]]
optimizer = torch.optim.SGD([w, b, c], lr=0.01)
fit(lambda x: x @ w + b, optimizer)
"""
FROZEN = """
net = Net()
net.body.requires_grad_(False)
fit(net, torch.optim.SGD(net.parameters(), lr=0.01))
"""
LATER = """
net = Net()
net.aux = nn.Linear(3, 1)
fit(net, torch.optim.SGD(net.parameters(), lr=0.01))
"""
REPLACED_BEFORE = """
net = Net()
net.head = nn.Linear(8, 1)
fit(net, torch.optim.SGD(net.parameters(), lr=0.01))
"""
CLEARED = """
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(4):
    F.mse_loss(net(x), y).backward()
    optimizer.zero_grad()
    optimizer.step()
"""


DROPPED = """
class Block(Net):
    def forward(self, x):
        before = self.body(x)
        return self.head(torch.zeros(64, 8) + x[:, :1])
net = Block()
fit(net, torch.optim.SGD(net.parameters(), lr=0.01))
"""
RETURNED = """
class Block(Net):
    def forward(self, x):
        return self.head(torch.zeros(64, 8) + x[:, :1]), self.body(x)
net = Block()
fit(lambda x: net(x)[0], torch.optim.SGD(net.parameters(), lr=0.01))
"""
IN_FUNCTION = (
    "def main():"
    + REPLACED.replace("net = Net()", "net = Net()\nfit(net, torch.optim.Adam(net.parameters()))").replace(
        "\n", "\n    "
    )
    + "\nmain()\n"
)


CHOICE = """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
X = torch.randn(200, 6)
w_true = torch.randn(6, 1)
y = X @ w_true + 0.1 * torch.randn(200, 1)
c = (y[:, 0] > 0).long()
X_train, X_test, y_train, y_test, c_train, c_test = X[:150], X[150:], y[:150], y[150:], c[:150], c[150:]
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.q = nn.Linear(6, 8)
        self.emb = nn.Embedding(8, 4)
        self.head = nn.Linear(4, 1)
    def forward(self, x):
        codes = self.q(x).argmax(1)
        return self.head(self.emb(codes))
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.05)
for e in range(20):
    opt.zero_grad()
    loss = F.mse_loss(net(X_train), y_train)
    loss.backward()
    opt.step()
"""


HEADS = """
class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.one, self.two = nn.Linear(3, 8), nn.Linear(8, 1), nn.Linear(8, 1)
    def forward(self, x):
        h = torch.relu(self.body(x))
        return self.one(h), self.two(h)
net = Heads()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(6):
    p, q = net(x)
    first = F.mse_loss(p, y)
    second = F.l1_loss(q, -y)
    optimizer.zero_grad()
    first.backward()
    optimizer.step()
    print(first.item(), second.item())
"""
BY_HAND = HEADS.replace("F.l1_loss(q, -y)", "((q + y) ** 2).mean()").replace(", second.item()", "")


@pytest.mark.parametrize("text", [HEADS, BY_HAND])
def test_a_loss_without_a_backward_is_named_once(text, diagnose, assert_found, assert_outcome):
    diagnosis = diagnose(HEAD + text, only=["O06", "G02"])
    assert_found(diagnosis, "O06", "torch.optim.")
    (finding,) = [one for one in diagnosis.findings if one.rule == "O06"]
    assert "second = " in finding.fix
    assert_outcome(diagnosis, "G02", "passed")


@pytest.mark.parametrize("how", ["(first + second).backward()", "(first if _ % 2 else second).backward()"])
def test_two_losses_in_one_or_by_turns_are_passed(how, diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + HEADS.replace("first.backward()", how), only=["O06"]), "O06", "passed")


def test_a_layer_of_several_results_is_no_loss(diagnose, assert_outcome):
    text = HEADS.replace("nn.Linear(3, 8), nn.Linear(8, 1), nn.Linear(8, 1)", "nn.GRU(3, 8), nn.Linear(8, 1), self")
    text = text.replace("self.two = ", "_ = ").replace("torch.relu(self.body(x))", "self.body(x[None])[1][0].detach()")
    text = text.replace("self.two(h)", "self.one(h)").replace("first.backward", "(first + second).backward")
    assert_outcome(diagnose(HEAD + text, only=["O06"]), "O06", "passed")


def test_a_loss_that_goes_on_as_a_number_is_a_cut(diagnose, assert_found):
    text = HEADS.replace("first.backward()", "(first + second.item()).backward()")
    assert_found(diagnose(HEAD + text, only=["G02"]), "G02", "second.item()).backward()")


@pytest.mark.parametrize(
    ("text", "line", "level"),
    [
        (OTHER, "optimizer = torch.optim.Adam(one.parameters()", "E"),
        (REPLACED, "optimizer = torch.optim.SGD(net.parameters()", "E"),
        (IN_FUNCTION, "optimizer = torch.optim.SGD(net.parameters()", "E"),
        (DROPPED, "before = self.body(x)", "E"),
        (RAW, "optimizer = torch.optim.SGD([w, b, c]", "W"),
    ],
)
def test_the_optimizer_is_named(diagnose, assert_found, text, line, level):
    diagnosis = diagnose(HEAD + text, only=["O06"])
    assert_found(diagnosis, "O06", line)
    assert diagnosis.findings[0].level == level


@pytest.mark.parametrize("text", [FROZEN, LATER, RETURNED, REPLACED_BEFORE, CLEARED])
def test_what_is_meant_so_is_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(HEAD + text, only=["O06"]), "O06", "passed")


def test_without_a_step_there_is_nothing_to_look_at(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + "Net()(x)", only=["O06"]), "O06", "not applicable")


def test_a_choice_has_no_gradient(diagnose, assert_found, assert_outcome):
    found = diagnose(CHOICE, only=["O06", "G02"])
    assert_found(found, "O06", "codes = self.q(x).argmax(1)")
    assert_outcome(found, "G02", "passed")


@pytest.mark.parametrize(
    "choice", ["self.q(x).max(1).indices", "self.q(x).topk(1)[1][:, 0]", "(self.q(x)[:, 0] > 0).long()"]
)
def test_however_the_choice_is_written(diagnose, assert_found, choice):
    found = diagnose(CHOICE.replace("self.q(x).argmax(1)", choice), only=["O06", "G02"])
    assert_found(found, "O06", f"codes = {choice}")


def test_a_choice_that_learns_another_way_is_right(diagnose, assert_outcome):
    text = CHOICE.replace("self.emb(codes)", "self.emb(codes) + self.q(x).softmax(1)[:, :4]")
    assert_outcome(diagnose(text, only=["O06"]), "O06", "passed")
