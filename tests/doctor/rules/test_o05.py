"""Unregistered modules and tensors."""

from __future__ import annotations

import pytest

BODY = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.prod(1, keepdim=True)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(8, 1)
        INIT
    def forward(self, x):
        FORWARD
def main():
    net = Net()
    optimizer = torch.optim.Adam(list(net.parameters()), lr=0.01)
    for epoch in range(6):
        optimizer.zero_grad()
        F.mse_loss(net(x), y).backward()
        optimizer.step()
main()
"""


def text_of(init, forward):
    return BODY.replace("INIT", init).replace("FORWARD", forward)


APPENDED = """self.blocks = []
        for a, b in [(4, 8), (8, 8)]:
            self.blocks.append(nn.Sequential(nn.Linear(a, b), nn.ReLU()))"""
MANY_LINES = """self.blocks = [
            nn.Linear(4, 8),
            nn.Linear(8, 8),
        ]"""
LOOP = """for block in self.blocks:
            x = block(x)
        return self.last(x)"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (text_of(APPENDED, LOOP), "self.blocks = []"),
        (text_of(MANY_LINES, LOOP), "self.blocks = ["),
        (
            text_of("self.parts = {'a': nn.Linear(4, 8)}", "return self.last(torch.relu(self.parts['a'](x)))"),
            "self.parts = {'a'",
        ),
        (
            text_of("self.w = torch.randn(4, 8, requires_grad=True)", "return self.last(torch.relu(x @ self.w))"),
            "self.w = torch.randn",
        ),
        (
            text_of("self.w = nn.Parameter(torch.randn(8, 4)).t()", "return self.last(torch.relu(x @ self.w))"),
            "self.w = nn.Parameter",
        ),
        (
            text_of("self.ws = [nn.Parameter(torch.randn(4, 8))]", "return self.last(torch.relu(x @ self.ws[0]))"),
            "self.ws = [nn.Parameter",
        ),
        (text_of("self.n = 8", "return self.last(torch.relu(nn.Linear(4, self.n)(x)))"), "nn.Linear(4, self.n)(x)"),
    ],
)
def test_the_line_is_named(diagnose, assert_found, text, line):
    assert_found(diagnose(text, only=["O05"]), "O05", line)


HELD = text_of("self.blocks = [nn.Linear(4, 8)]", LOOP).replace(
    "list(net.parameters())", "[*net.parameters(), *net.blocks[0].parameters()]"
)
LISTED = text_of("self.blocks = nn.ModuleList([nn.Linear(4, 8)])", LOOP)
INPUT = (
    text_of("self.one = nn.Linear(4, 8)", "return self.last(torch.tanh(self.one(x)))")
    .replace("x = torch.randn(64, 4)\n", "x = torch.randn(64, 4).requires_grad_()\n")
    .replace("y = x.prod(1, keepdim=True)", "y = x.detach().prod(1, keepdim=True)")
)
FIXED = text_of("self.w = torch.randn(4, 8)", "return self.last(torch.relu(x @ self.w))")


@pytest.mark.parametrize("text", [HELD, LISTED, INPUT, FIXED])
def test_what_is_right_is_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(text, only=["O05"]), "O05", "passed")


def test_without_a_module_there_is_nothing_to_look_at(diagnose, assert_outcome):
    text = "import torch\nw = torch.zeros(2, requires_grad=True)\n(w ** 2).sum().backward()"
    assert_outcome(diagnose(text, only=["O05"]), "O05", "not applicable")


ROWS = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(40, 3, requires_grad=True)
y = x.detach().sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for i in range(10):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x[:30].clone()), y[:30]).backward()
    optimizer.step()
"""


def test_rows_of_a_table_with_gradients_are_data(diagnose, assert_outcome):
    for rule, outcome in (("O04", "passed"), ("O05", "passed")):
        assert_outcome(diagnose(ROWS, only=[rule]), rule, outcome)


BLOCKS = """
import torch
from torch import nn
torch.manual_seed(0)
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(4, 4)
    def forward(self, x):
        return x + torch.tanh(self.mix(x))
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = [Block() for _ in range(3)]
        self.out = nn.Linear(4, 1)
    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.out(x)
x = torch.randn(60, 4)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(6):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x), x.sum(1, keepdim=True)).backward()
    optimizer.step()
"""


def test_the_list_that_holds_modules_of_ones_own_is_named(diagnose, assert_found) -> None:
    assert_found(diagnose(BLOCKS, only=["O05"]), "O05", "self.blocks = [Block()")
