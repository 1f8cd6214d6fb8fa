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

HEALTHY = {
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
