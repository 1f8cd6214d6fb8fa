"""Attributes that no tensor has."""

from __future__ import annotations

import pytest

SICK = {
    "in a loop": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
for p in nn.Linear(2, 1).parameters():
    p.requires_gradient = False
""",
        "p.requires_gradient",
    ),
    "one layer": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
net = nn.Linear(2, 1)
net.weight.require_grad = False
""",
        "net.weight.require_grad",
    ),
}

HEALTHY = {
    "right": """
import torch
import torch.nn as nn
import torch.nn.functional as F
for p in nn.Linear(2, 1).parameters():
    p.requires_grad = False
""",
    "one's own": """
import torch
import torch.nn as nn
import torch.nn.functional as F
class A:
    pass
a = A()
a.needs_grad = 1
print(a.needs_grad)
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["A04"]), "A04", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["A04"]), "A04", "passed")
