"""Symmetric or constant initial weights."""

from __future__ import annotations

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(128, 6)
y = (x[:, 0] * x[:, 1] > 0).long()
"""

LOOP = """
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(30):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
"""

APPLY = """
def start(module):
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
net.apply(start)
"""

OWN_LAYER = """
class Dense(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.w = nn.Parameter(torch.ones(n_in, n_out) * 0.2)
        self.b = nn.Parameter(torch.zeros(n_out))
    def forward(self, x):
        return x @ self.w + self.b
net = nn.Sequential(Dense(6, 16), nn.Tanh(), Dense(16, 2))
"""

RAW = """
w1 = torch.zeros(6, 20, requires_grad=True)
w2 = torch.zeros(20, 2, requires_grad=True)
for _ in range(20):
    loss = F.cross_entropy(torch.sigmoid(x @ w1) @ w2, y)
    loss.backward()
    with torch.no_grad():
        for w in (w1, w2):
            w -= 0.5 * w.grad
            w.grad.zero_()
"""

CONV = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv1d(1, 4, 3), nn.Linear(16, 2)
        nn.init.constant_(self.conv.weight, 0.1)
        nn.init.constant_(self.conv.bias, 0.0)
        nn.init.constant_(self.head.weight, 0.1)
    def forward(self, x):
        return self.head(F.relu(self.conv(x[:, None])).flatten(1).reshape(-1, 4, 4).sum(1).repeat(1, 4))
net = Net()
"""


def test_zeros_by_apply_are_named_at_the_line_that_sets_them(diagnose, assert_found):
    diagnosis = diagnose(HEAD + APPLY + LOOP, only=["D08"])
    assert_found(diagnosis, "D08", "nn.init.zeros_(module.weight)")
    assert "16 units" in diagnosis.findings[0].message


def test_ones_of_an_own_layer_are_named_where_the_parameter_is_made(diagnose, assert_found):
    assert_found(
        diagnose(HEAD + OWN_LAYER + LOOP, only=["D08"]), "D08", "self.w = nn.Parameter(torch.ones(n_in, n_out)"
    )


def test_zeros_of_raw_tensors_are_named(diagnose, assert_found):
    assert_found(diagnose(HEAD + RAW, only=["D08"]), "D08", "w1 = torch.zeros(6, 20, requires_grad=True)")


BY_GRADIENTS = """
w1, w2 = torch.full((6, 8), 0.02).requires_grad_(), torch.full((8, 2), 0.02).requires_grad_()
for _ in range(30):
    loss = F.cross_entropy(torch.tanh(x @ w1) @ w2, y)
    slopes = torch.autograd.grad(loss, [w1, w2])
    with torch.no_grad():
        for w, slope in zip([w1, w2], slopes):
            w -= 0.1 * slope
"""


def test_constants_that_learn_from_asked_gradients_are_named(diagnose, assert_found):
    assert_found(diagnose(HEAD + BY_GRADIENTS, only=["D08"]), "D08", "torch.full((6, 8), 0.02)")


def test_equal_filters_are_named(diagnose, assert_found):
    assert_found(diagnose(HEAD + CONV + LOOP, only=["D08"]), "D08", "nn.init.constant_(self.conv.weight, 0.1)")


def test_a_head_that_begins_with_zeros_is_right(diagnose, assert_outcome):
    text = HEAD + APPLY.replace("net.apply(start)", "net[2].apply(start)") + LOOP
    assert_outcome(diagnose(text, only=["D08"]), "D08", "passed")


def test_a_single_layer_of_zeros_is_right(diagnose, assert_outcome):
    text = HEAD + APPLY.replace("nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2)", "nn.Linear(6, 2)") + LOOP
    assert_outcome(diagnose(text, only=["D08"]), "D08", "passed")


def test_a_residual_branch_that_begins_with_zeros_is_right(diagnose, assert_outcome):
    residual = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.one, self.two, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 2)
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.two.bias)
    def forward(self, x):
        x = self.stem(x)
        return self.head(x + self.two(F.relu(self.one(x))))
net = Net()
"""
    assert_outcome(diagnose(HEAD + residual + LOOP, only=["D08"]), "D08", "passed")


def test_without_layers_there_is_nothing_to_look_at(diagnose, assert_outcome):
    text = HEAD + "a = torch.ones(6, requires_grad=True)\n((x * a).sum(1) ** 2).mean().backward()\n"
    assert_outcome(diagnose(text, only=["D08"]), "D08", "not applicable")
