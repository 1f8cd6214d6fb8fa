"""The rules of the source alone, without a run: spellings, what only looks like one, and where there is no source."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from firesteel.doctor.examining import look_at

HEAD = """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
x = torch.randn(8, 4)
size = 4
"""
CLASS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(4, 8)
        {init}
    def forward(self, x):
        h = self.one(x)
        {forward}
net = Net()
"""


def write(init: str = "self.two = nn.Linear(8, 2)", forward: str = "return self.two(h)", after: str = "") -> str:
    return CLASS.format(init=init, forward=forward) + textwrap.dedent(after)


#: Of each rule: programs whose sick line ends with `# here`.
SICK = {
    "A01": [
        write(after="opt = optim.Adam(net.parameters())\nopt.zero_grad  # here\n"),
        write(after="class Loop:\n    def fit(self, loss):\n        loss.backward  # here\n"),
        write(after="net.eval  # here\n"),
        "def fit(optimizer):\n    optimizer.zero_grad()\n    optimizer.step  # here\n",
    ],
    "A02": [
        write(after="x.to('cuda')  # here\n"),
        write(forward="F.relu(h)  # here\n        return self.two(h)"),
        write(forward="h.view(-1, 8)  # here\n        return self.two(h)"),
        "batch = torch.stack([x, x])\nbatch.permute(1, 0, 2)  # here\n",
    ],
    "A03": [
        write(forward="return self.two(nn.ReLU(h))  # here"),
        "loss = nn.MSELoss(torch.zeros(3), torch.ones(3))  # here\n",
        "net = nn.Sequential(nn.Linear(4, 2), nn.ReLU, nn.Linear(2, 1))  # here\n",
    ],
    "A04": [
        write(after="for p in net.parameters():\n    p.require_grad = False  # here\n"),
        write(after="net.one.weight.requires_gradient = False  # here\n"),
        "w = torch.zeros(3)\nw.require_grad = True  # here\n",
    ],
    "A05": [
        write(init="self.two = nn.Linear(8, 2)\n        self.drop = nn.Dropout(0.3)  # here"),
        write(
            init="self.bn = nn.BatchNorm1d(8)  # here\n        self.two = nn.Linear(8, 2)",
            forward="return self.two(F.relu(h))",
        ),
        "from torch.nn import Module, Linear\nclass M(Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a = Linear(2, 2)\n        self.b = Linear(2, 2)  # here\n"
        "    def forward(self, x):\n        return self.a(self.a(x))\n",
    ],
    "A06": [
        write(forward="return self.two(F.dropout(h, 0.5))  # here"),
        write(forward="return self.two(nn.functional.dropout(h, p=0.2))  # here"),
        "from torch.nn.functional import dropout as drop\nclass M(nn.Module):\n    def forward(self, x):\n"
        "        return drop(x)  # here\n",
    ],
    "A08": [
        "for i in range(0, len(x), size):\n    print(x[i : i + size - 1])  # here\n",
        "for i in range(0, len(x) - size, size):  # here\n    print(x[i : i + size])\n",
        "for b in range(2):\n    print(x[b * size : (b + 1) * size - 1])  # here\n",
    ],
    "A09": [
        write(after="torch.save(net, 'net.pt')  # here\n"),
        "net = torch.load('net.pt', weights_only=False)  # here\n",
        "model = nn.Sequential(nn.Linear(4, 2)).to('cpu')\ntorch.save(model, 'm.pt')  # here\n",
    ],
}  # fmt: skip

HEALTHY = {
    "A01": [
        write(after="opt = optim.Adam(net.parameters())\nhook = opt.step\nopt.zero_grad()\nnet.one.weight\nx.T\n"),
        "class Meter:\n    def __init__(self):\n        self.step = 0\nmeter = Meter()\nmeter.step\n",
    ],
    "A02": [
        write(after="net.to('cpu')\nx = x.to('cpu')\nnet.float()\nx.relu_()\ntorch.relu(x, out=x)\n"),
        write(forward="F.relu(h, inplace=True)\n        return self.two(h)"),
    ],
    "A03": [write(init="self.two = nn.Sequential(nn.ReLU(True), nn.Softmax(1), nn.Linear(8, 2))",
                  forward="return nn.ReLU()(self.two(h))",
                  after="weights = torch.ones(2)\nloss = nn.CrossEntropyLoss(weights)\n")],
    "A04": [
        write(after="for p in net.parameters():\n    p.requires_grad = False\n"),
        "class Plan:\n    def __init__(self):\n        self.needs_grad = True\nprint(Plan().needs_grad)\n",
    ],
    "A05": [
        write(init="self.two = nn.Linear(8, 2)\n        self.parts = nn.ModuleList([nn.ReLU()])",
              forward="for part in self.parts:\n            h = part(h)\n        return self.two(h)"),
        write(init="self.two = nn.Linear(8, 2)\n        self.head = nn.Linear(8, 1)", after="net.head(net.one(x))\n"),
        "class Parent(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.head = nn.Linear(2, 2)\n    def forward(self, x):\n        return x\n"
        "class Child(Parent):\n    def forward(self, x):\n        return self.head(x)\n",
    ],
    "A06": [
        write(forward="return self.two(F.dropout(h, 0.5, self.training))"),
        write(forward="return self.two(F.dropout(h, p=0.5, training=self.training))"),
        "def noisy(x):\n    return F.dropout(x, 0.1)\n",
    ],
    "A08": [
        "for i in range(0, len(x), size):\n    print(x[i : i + size])\n",
        "for i in range(0, len(x) - size + 1, size):\n    print(x[i : i + size])\n",
        "for i in range(len(x) - size):\n    print(x[i : i + size], x[i + size])\n",
        "for b in range(len(x) // size):\n    print(x[b * size : (b + 1) * size])\n",
    ],
    "A09": [
        write(after="torch.save(net.state_dict(), 'n.pt')\ntorch.save({'net': net.state_dict(), 'epoch': 3}, 'c.pt')\n"
                    "net.load_state_dict(torch.load('n.pt', weights_only=True))\ntorch.save(x, 'x.pt')\n")
    ],
}  # fmt: skip


def lines_of(rule: str, text: str, folder: Path) -> list[str]:
    path = folder / "script.py"
    path.write_text(HEAD + text, encoding="utf-8")
    diagnosis = look_at(path, only=[rule])
    assert diagnosis.failures == ()
    return [one.source for one in diagnosis.findings]


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in SICK.items() for text in texts])
def test_the_line_is_named(rule: str, text: str, tmp_path: Path) -> None:
    lines = lines_of(rule, text, tmp_path)
    assert len(lines) == 1
    assert lines[0].endswith("# here")


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in HEALTHY.items() for text in texts])
def test_what_looks_alike_is_passed(rule: str, text: str, tmp_path: Path) -> None:
    assert lines_of(rule, text, tmp_path) == []


@pytest.mark.parametrize("rule", [*SICK, "A07"])
def test_a_folder_without_python_is_not_applicable(rule: str, tmp_path: Path) -> None:
    assert [one.outcome for one in look_at(tmp_path, only=[rule]).outcomes] == ["not applicable"]
