"""Metric arithmetic: crossed shapes, one class only, a wrong divisor."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(90, 3)
y = (x.sum(1) > 0).long()
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x[60:], y[60:]), batch_size=10)
net = nn.Linear(3, {n})
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
for _ in range(8):
    z = net(x[:60])
    loss = nn.functional.cross_entropy(z, y[:60]) if {n} == 2 else (z.squeeze(1) - y[:60]).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""

ONE = HEAD.format(n=1)
TWO = HEAD.format(n=2)

SICK = {
    "a column equals a row": (ONE, "hits = (torch.round(net(x[60:])) == y[60:]).float().mean()", "hits ="),
    "a row differs from a column": (ONE, "bad = (y[60:] != (net(x[60:]) > 0.5)).sum()", "bad ="),
    "argmax of one column": (ONE, "guess = net(x[60:]).argmax(1)\nprint((guess == y[60:]).sum())", "guess ="),
    "argmax over the rows": (TWO, "z = net(x[60:62])\nprint((z.argmax(0) == y[60:62]).sum())", "z.argmax(0)"),
    "a threshold of 1 behind a sigmoid": (ONE, "g = torch.sigmoid(net(x[60:])) >= 1\nprint(g.sum())", "g ="),
    "hits by batches": (
        TWO,
        "right = 0\nfor a, b in loader:\n    right += (net(a).argmax(1) == b).sum().item()\nprint(right / len(loader))",
        "right / len(loader)",
    ),
    "hits by batches in a function": (
        TWO,
        "def score(batches):\n    k = 0.0\n    for a, b in batches:\n        k += net(a).argmax(1).eq(b).sum().item()\n"
        "    return 100 * k / len(batches)\nprint(score(loader))",
        "100 * k / len(batches)",
    ),
    "hits by batches, in place": (
        TWO,
        "n = len(loader)\nk = 0\nfor a, b in loader:\n    hit = (net(a).argmax(1) == b).sum()\n    k += hit.item()\n"
        "k /= n\nprint(k)",
        "k /= n",
    ),
    "shares by rows": (
        TWO,
        "k = 0\nfor a, b in loader:\n    k += (net(a).argmax(1) == b).float().mean().item()\n"
        "print(k / len(loader.dataset))",
        "print(k / len(loader.dataset))",
    ),
    "shares by rows that were counted": (
        TWO,
        "k, n = 0, 0\nfor a, b in loader:\n    k += (net(a).argmax(1) == b).float().mean().item()\n    n += len(b)\n"
        "print(k / n)",
        "print(k / n)",
    ),
    "shares by nothing": (
        TWO,
        "def test():\n    k = 0\n    for a, b in loader:\n        k += (net(a).argmax(1) == b).float().mean().item()\n"
        "    print(f'accuracy {k:.3f}')\ntest()",
        "print(f'accuracy",
    ),
    "logits that are rounded": (
        ONE,
        "z = (net(x[60:]) * 6 - 3).squeeze(1)\nright = (torch.round(z) == y[60:]).sum()",
        "right =",
    ),
}

HEALTHY = {
    "amounts that are rounded": (
        ONE,
        "print((torch.round(net(x[60:])).squeeze(1) == x[60:].sum(1).round()).sum())",
    ),
    "shares weighted by rows": (
        TWO,
        "k, n = 0, 0\nfor a, b in loader:\n    k += (net(a).argmax(1) == b).float().mean().item() * len(b)\n"
        "    n += len(b)\nprint(k / n)",
    ),
    "shares handed on": (
        TWO,
        "def run():\n    k = 0\n    for a, b in loader:\n        k += (net(a).argmax(1) == b).float().mean().item()\n"
        "    return k\nprint(run() / len(loader))",
    ),
    "shares in place": (
        TWO,
        "m = len(loader)\nk = 0\nfor a, b in loader:\n    k += (net(a).argmax(1) == b).float().mean().item()\n"
        "k /= m\nprint(k)",
    ),
    "a column equals a column": (ONE, "print(((net(x[60:]) > 0.5) == y[60:, None]).float().mean())"),
    "pairs of labels": (TWO, "same = y[60:, None] == y[60:]\nprint(same, net(x[60:]).argmax(1) == y[60:])"),
    "argmax over classes": (TWO, "print((net(x[60:]).argmax(1) == y[60:]).float().mean())"),
    "half behind a sigmoid": (ONE, "print(((torch.sigmoid(net(x[60:])) > 0.5).squeeze(1) == y[60:]).sum())"),
    "hits by rows": (
        TWO,
        "k = 0\nfor a, b in loader:\n    k += (net(a).argmax(1) == b).sum().item()\nprint(k / len(loader.dataset))",
    ),
    "a mean of means": (
        TWO,
        "k = 0\nfor a, b in loader:\n    k += (net(a).argmax(1) == b).float().mean().item()\nprint(k / len(loader))",
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    head, tail, fragment = SICK[name]
    assert_found(diagnose(head + tail, only=["V06"]), "V06", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    head, tail = HEALTHY[name]
    assert_outcome(diagnose(head + tail, only=["V06"]), "V06", "passed")


def test_without_comparisons_there_is_nothing_to_look_at(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(TWO, only=["V06"]), "V06", "not applicable")
