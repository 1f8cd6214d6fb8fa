"""Samples that mix."""

from __future__ import annotations

import pytest

SICK = {
    "gru": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.GRU(3, 8), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(self.body(x)[0][:, -1])
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    F.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
""",
        "nn.GRU(3, 8)",
    ),
    "attention": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.MultiheadAttention(3, 1), nn.Linear(3, 1)
    def forward(self, x):
        return self.head(self.body(x, x, x)[0].mean(1))
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    F.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
""",
        "nn.MultiheadAttention(3, 1)",
    ),
    "a mean over the batch": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(15, 8), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(self.body(x.flatten(1)) - self.body(x.flatten(1)).mean(0))
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    F.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
""",
        "mean(0)",
    ),
}

HEALTHY = {
    "batch first": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.GRU(3, 8, batch_first=True), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(self.body(x)[0][:, -1])
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    F.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
""",
    "row by row": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(15, 8), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(torch.relu(self.body(x.flatten(1))))
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    F.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
""",
}

NOTHING = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
"""


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["S03"]), "S03", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S03"]), "S03", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S03"]), "S03", "not applicable")


NET = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = {body}, nn.Linear({d}, 1)
        {more}
    def forward(self, x):
        {first}
        return self.head({last})
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    for p in torch.randperm(60).split(20):
        optimizer.zero_grad()
        F.mse_loss(net(x[p]), y[p]).backward()
        optimizer.step()
"""

COPIED = "nn.TransformerEncoder(nn.TransformerEncoderLayer(3, 1, 4), 1)"
#: (the net, the fragment of the line that mixes; "" where none does)
NETS = {
    "dropout beside it": ({"body": "nn.GRU(3, 8, 2, dropout=0.5)", "d": 8, "last": "self.body(x)[0][:, -1]"}, "nn.GRU"),
    "the copy of a layer": (
        {
            "body": "nn.TransformerEncoder(nn.TransformerEncoderLayer(3, 1, 4), 1)",
            "d": 3,
            "last": "self.body(x).mean(1)",
        },
        "nn.TransformerEncoderLayer",
    ),
    "an axis moved before it": (
        {
            "body": "nn.GRU(3, 8, batch_first=True)",
            "d": 8,
            "first": "x = x.transpose(0, 1)",
            "last": "self.body(x)[0][-1]",
        },
        "x.transpose(0, 1)",
    ),
    "a view before it": (
        {"body": "nn.GRU(3, 8)", "d": 8, "first": "x = x.view(5, -1, 3)", "last": "self.body(x)[0][-1]"},
        "x.view(5, -1, 3)",
    ),
    "a softmax over the batch": (
        {"body": "nn.Linear(3, 1)", "d": 3, "first": "w = self.body(x).softmax(0)", "last": "(w * x).sum(1)"},
        "softmax(0)",
    ),
    "a table taken for one sequence": (
        {"body": "nn.GRU(15, 8)", "d": 8, "last": "self.body(x.flatten(1))[0]"},
        "nn.GRU(15, 8)",
    ),
    "time first by a transpose": (
        {"body": "nn.GRU(3, 8)", "d": 8, "last": "self.body(x.transpose(0, 1))[0][-1]"},
        "",
    ),
    "rows exchanged in training": (
        {
            "body": "nn.Linear(3, 3)",
            "d": 3,
            "first": "h = self.body(x).mean(1)",
            "last": "h + h[torch.randperm(len(h))]",
        },
        "",
    ),
    "centred as a batch norm does": (
        {"body": "nn.Linear(3, 3)", "d": 3, "first": "h = self.body(x).mean(1)", "last": "h - h.mean(0)"},
        "",
    ),
    "a running state": (
        {
            "body": "nn.Linear(3, 3)",
            "d": 3,
            "more": "self.state = torch.zeros(3)",
            "first": "h = self.body(x).mean(1); self.state = 0.9 * self.state.detach() + 0.1 * h.mean(0)",
            "last": "h + self.state",
        },
        "",
    ),
}


@pytest.mark.parametrize("name", NETS)
def test_the_line_that_mixes_is_named(name: str, diagnose, assert_found, assert_outcome) -> None:
    parts, fragment = NETS[name]
    diagnosis = diagnose(NET.format(**{"first": "", "more": "", **parts}), only=["S03"])
    if fragment:
        assert_found(diagnosis, "S03", fragment)
    else:
        assert_outcome(diagnosis, "S03", "passed")


SENTENCES = """
import torch
from torch import nn
torch.manual_seed(0)
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.rnn, self.tags = nn.Embedding(9, 4), nn.LSTM(4, 6), nn.Linear(6, 3)
    def forward(self, ids):
        return self.tags(self.rnn(self.words(ids).view(len(ids), 1, -1))[0].view(len(ids), -1))
net = Tagger()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    for n in (5, 4, 6):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(torch.arange(n)), torch.arange(n) % 3).backward()
        optimizer.step()
"""


def test_one_sentence_at_a_time_is_no_batch(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(SENTENCES, only=["S03"]), "S03", "passed")


IN_ONE_PIECE = """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(60, 5, 8), torch.randint(0, 2, (60,))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1{option})
        self.head = nn.Linear(8, 2)
    def forward(self, x):
        return self.head(self.body(x).mean(1))
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(2):
    net.train()
    for rows in torch.randperm(60).split(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        net(x[:10]), net(x[10:30])
"""


def test_where_evaluation_is_computed_in_one_piece_the_training_is_looked_at(
    diagnose, assert_found, assert_outcome
) -> None:
    assert_found(diagnose(IN_ONE_PIECE.format(option=""), only=["S03"]), "S03", "nn.TransformerEncoderLayer(")
    right = IN_ONE_PIECE.format(option=", batch_first=True")
    assert_outcome(diagnose(right, only=["S03"]), "S03", "passed")


STEPS_FIRST = """
import torch
from torch import nn
torch.manual_seed(0)
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(3, 8), nn.Linear(8, 2)
    def forward(self, x):
        return self.head(self.rnn(x)[0])
net = Tagger()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(4):
    x = torch.randn(7, 12, 3)
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x).reshape(-1, 2), (x[..., 0] > 0).long().reshape(-1)).backward()
    optimizer.step()
"""


def test_steps_first_with_an_answer_for_each_are_passed(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(STEPS_FIRST, only=["S03"]), "S03", "passed")


STRETCHES = """
import torch
from torch import nn
torch.manual_seed(0)
series = torch.randn(160, 8, 3)

class Leaky(nn.Module):
    def __init__(self):
        super().__init__()
        self.drive, self.read = nn.Linear(3, 8), nn.Linear(8, 1)
    def forward(self, xs):
        level, outs = torch.zeros(8, 8), []
        for x in xs:
            level = 0.8 * level + torch.tanh(self.drive(x))
            outs.append(self.read(level).squeeze(-1))
        return torch.stack(outs)

class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(3, 8), nn.Linear(8, 1)
    def forward(self, xs):
        return self.head(self.rnn(xs)[0])[..., 0]
net = NET()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 140, 20):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(series[i : i + 20]), series[i + 1 : i + 21, :, 0]).backward()
    optimizer.step()
"""


@pytest.mark.parametrize("name", ["Leaky", "Layer"])
def test_stretches_of_time_are_no_rows(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(STRETCHES.replace("NET", name), only=["S03"]), "S03", "passed")


def test_rows_that_were_dealt_and_taken_for_steps_are_found(diagnose, assert_found) -> None:
    text = STEPS_FIRST.replace("x = torch.randn(7, 12, 3)", "x = table[order[_ * 7 : _ * 7 + 7]]").replace(
        "net = Tagger()", "net = Tagger()\ntable, order = torch.randn(28, 12, 3), torch.randperm(28)"
    )
    assert_found(diagnose(text, only=["S03"]), "S03", "self.rnn, self.head = nn.GRU(3, 8)")
