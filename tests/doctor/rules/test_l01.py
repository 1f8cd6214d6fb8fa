"""Softmax before cross entropy."""

from __future__ import annotations

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x, y = torch.randn(64, 3), torch.randint(0, 3, (64,))
"""

CLASS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(3, 8), nn.Linear(8, 3)
    def forward(self, x):
        x = torch.relu(self.one(x))
        return F.softmax(self.two(x), dim=-1)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()
for _ in range(4):
    optimizer.zero_grad()
    criterion(net(x), y).backward()
    optimizer.step()
"""

RAW = """
w = torch.zeros(3, 3, requires_grad=True)
for _ in range(4):
    scores = x @ w
    proba = torch.softmax(scores, 1)
    loss = F.cross_entropy(proba.view(-1, 3), y)
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad = None
"""


def test_a_softmax_at_the_end_of_forward_is_named(diagnose, assert_found):
    assert_found(diagnose(HEAD + CLASS, only=["L01"]), "L01", "return F.softmax(self.two(x), dim=-1)")


def test_a_softmax_of_raw_tensors_is_named(diagnose, assert_found):
    assert_found(diagnose(HEAD + RAW, only=["L01"]), "L01", "proba = torch.softmax(scores, 1)")


def test_log_softmax_is_harmless(diagnose, assert_outcome):
    text = (HEAD + CLASS).replace("F.softmax", "F.log_softmax")
    assert_outcome(diagnose(text, only=["L01"]), "L01", "passed")


def test_a_softmax_inside_the_net_is_right(diagnose, assert_outcome):
    text = (
        (HEAD + CLASS)
        .replace("x = torch.relu(self.one(x))", "x = torch.softmax(self.one(x), 1)")
        .replace("F.softmax(self.two(x), dim=-1)", "self.two(x)")
    )
    assert_outcome(diagnose(text, only=["L01"]), "L01", "passed")


def test_without_cross_entropy_there_is_nothing_to_look_at(diagnose, assert_outcome):
    text = (HEAD + CLASS).replace("nn.CrossEntropyLoss()", "lambda out, y: (out ** 2).mean()")
    assert_outcome(diagnose(text, only=["L01"]), "L01", "not applicable")


ASKED = """
import torch
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(60, 3)
y = (x[:, 0] > 0).long()
w = torch.randn(3, 2, requires_grad=True)
b = torch.zeros(2, requires_grad=True)
for i in range(20):
    p = torch.softmax(x @ w + b, dim=1)
    gradients = torch.autograd.grad(F.cross_entropy(p, y), [w, b])
    with torch.no_grad():
        for one, gradient in zip([w, b], gradients):
            one -= 0.1 * gradient
"""


def test_gradients_that_are_asked_for_by_name_are_a_training(diagnose, assert_found):
    assert_found(diagnose(ASKED, only=["L01"]), "L01", "p = torch.softmax")


def test_gradients_that_are_only_looked_at_are_no_training(diagnose, assert_outcome):
    text = ASKED.replace("one -= 0.1 * gradient", "print(gradient.norm())")
    assert_outcome(diagnose(text, only=["L01"]), "L01", "not applicable")


def test_weights_that_are_made_anew_from_their_gradients_are_a_training(diagnose, assert_found):
    start = ASKED.index("    with torch.no_grad()")
    text = ASKED[:start] + "    w, b = [(a - 0.1 * g).detach().requires_grad_() for a, g in zip([w, b], gradients)]\n"
    assert_found(diagnose(text, only=["L01"]), "L01", "p = torch.softmax")
