"""Bounds that leave rows out."""

from __future__ import annotations

import pytest

SICK = {
    "one short": (
        """
x, n = list(range(12)), 4
for i in range(3):
    x[i * n : (i + 1) * n - 1]
""",
        "x[i * n",
    ),
    "too early": (
        """
x, n = list(range(12)), 4
for i in range(0, len(x) - n, n):
    x[i : i + n]
""",
        "range(0, len(x) - n, n)",
    ),
}

BATCHES = """
import torch
x = torch.randn(64, 3)
net = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
def fit(size):
    for k in range(64 // size):
        optimizer.zero_grad()
        net(x[k * size : k * size + 8]).square().mean().backward()
        optimizer.step()
fit(size=32)
"""
SICK["between two parts"] = (
    "import torch\nx, n = torch.arange(20), 12\na, b = x[1:n], x[1:n] + 1\nc, d = x[n + 1 :], x[n + 1 :] + 1\n",
    "c, d = x[n + 1 :]",
)
SICK["another width"] = (BATCHES, "x[k * size")
SICK["another step"] = (
    BATCHES.replace("range(64 // size)", "range(0, 64, 16)").replace("k * size : k * size + 8", "k : k + 8"),
    "net(x[k : k + 8])",
)

SICK["a slice that begins one late"] = (
    """
import random
x, size = list(range(12)), 4
starts = list(range(0, len(x), size))
random.shuffle(starts)
for lo in starts:
    part = slice(lo + 1, lo + size)
    x[part]
""",
    "part = slice(lo + 1",
)
SICK["an end that has a name"] = (
    """
x, size = list(range(12)), 4
def batches():
    for b in range(len(x) // size):
        start = size * b
        end = min(start + size - 1, len(x))
        yield x[start:end]
""",
    "end = min(",
)
SICK["while"] = (
    """
x, size, i = list(range(12)), 4, 0
while i < len(x):
    x[i : size + i - 1]
    i += size
""",
    "x[i : size",
)
SICK["a comprehension"] = (
    "x, size = list(range(12)), 4\nparts = [x[i : i - 1 + size] for i in range(0, len(x), size)]\n",
    "parts = ",
)

LOOP = "x, size = list(range(12)), 4\nfor i in range(0, {end}, size):\n    {first}\n    {second}\n"

HEALTHY = {
    "a window and the value behind it": LOOP.format(end="len(x) - size", first="x[i : i + size]", second="x[i + size]"),
    "the last of a window is its target": LOOP.format(
        end="len(x)", first="x[i : i + size - 1]", second="x[i + size - 1]"
    ),
    "inputs and targets of a window": LOOP.format(
        end="len(x)", first="x[i : i + size - 1]", second="x[i + 1 : i + size]"
    ),
    "what lies between batches is for validation": BATCHES.replace("size=32", "size=16")
    + "for k in range(4):\n    size = 16\n    x[k * size + 8 : (k + 1) * size]\n",
    "targets one step further that are cut first": LOOP.format(
        end="len(x) - size", first="x[i + 1 : i + size + 1]", second="x[i : i + size]"
    ),
    "the first of a row is its label": LOOP.format(end="len(x)", first="x[i]", second="x[i + 1 : i + size]"),
    "words of a text": "x = 'ab cd ef'\nfor i in range(0, len(x), 3):\n    x[i : i + 2]\n",
    "one row is left out on purpose": (
        "import torch\nx = torch.arange(9)\nfor i in range(9):\n    rest = torch.cat([x[:i], x[i + 1 :]])\n"
    ),
    "two parts that touch": "import torch\nx, n = torch.arange(9), 6\na, b = x[:n], x[n:]\nc = x[n + 1 :]\n",
    "of the same width": BATCHES.replace("size=32", "size=8"),
    "frames that begin further apart": BATCHES.replace("x[k * size : k * size + 8]", "frames[:4]").replace(
        "def fit",
        "frames = torch.stack([x[k : k + 8].mean(0) for k in (0, 1)])\nframes = []\n"
        "for k in range(0, 64, 16):\n    frames.append(x[k : k + 8].mean(0))\nframes = torch.stack(frames)\ndef fit",
    ),
    "only looked at": BATCHES.replace("k * size + 8", "k * size + size")
    + "for k in range(0, 64, 16):\n    x[k : k + 8]",
    "to the end": """
x, n = list(range(12)), 4
for i in range(0, len(x), n):
    x[i : i + n]
""",
    "windows": """
x, n = list(range(12)), 4
for i in range(len(x) - n):
    x[i : i + n]
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["A08"]), "A08", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["A08"]), "A08", "passed")


def test_one_row_between_two_parts_may_be_a_gap(diagnose, assert_found) -> None:
    text = "import torch\nx, n = torch.arange(20), 12\na, b = x[:n], x[:n] + 1\nc, d = x[n + 1 :], x[n + 1 :] + 1\n"
    diagnosis = diagnose(text, only=["A08"])
    assert_found(diagnosis, "A08", "c, d = x[n + 1 :]")
    assert diagnosis.findings[0].level == "N"


def test_rows_never_reached_are_named_where_the_bounds_stand(diagnose, assert_found) -> None:
    text = """
import torch
x, size = torch.randn(60, 3), 6
net = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    for lo in range(0, 60, size):
        rows = slice(lo + 1, lo + size)
        optimizer.zero_grad()
        net(x[rows]).square().mean().backward()
        optimizer.step()
"""
    diagnosis = diagnose(text, only=["S05", "A08"])
    assert_found(diagnosis, "S05", "rows = slice(")
    assert_found(diagnosis, "A08", "rows = slice(")
