"""Layers that are never used."""

from __future__ import annotations

import pytest

SICK = {
    "norm": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.BatchNorm1d(2)
    def forward(self, x):
        return self.a(x)
N()(torch.ones(1, 2))
""",
        "self.b = nn.BatchNorm1d(2)",
    ),
    "linear": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2)
    def forward(self, x):
        return torch.relu(self.a(x))
N()(torch.ones(1, 2))
""",
        "self.b = nn.Linear(2, 2)",
    ),
}

HEALTHY = {
    "used": """
import torch
import torch.nn as nn
import torch.nn.functional as F
class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2)
    def forward(self, x):
        return self.b(self.a(x))
N()(torch.ones(1, 2))
""",
    "by name": """
import torch
import torch.nn as nn
import torch.nn.functional as F
class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2)
    def forward(self, x):
        return getattr(self, 'b')(x)
N()(torch.ones(1, 2))
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["A05"]), "A05", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["A05"]), "A05", "passed")
