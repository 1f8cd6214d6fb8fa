"""Dropout that never stops."""

from __future__ import annotations

import pytest

SICK = {
    "no word": (
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
        return self.b(F.dropout(self.a(x)))
N()(torch.ones(1, 2))
""",
        "F.dropout(self.a(x))",
    ),
}

HEALTHY = {
    "on by its own word": """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.functional import dropout as drop
class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2)
    def forward(self, x):
        return drop(self.b(self.a(x)), 0.2, True)
N()(torch.ones(1, 2))
""",
    "by the mode": """
import torch
import torch.nn as nn
import torch.nn.functional as F
class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2)
    def forward(self, x):
        return F.dropout(self.b(self.a(x)), 0.2, self.training)
N()(torch.ones(1, 2))
""",
    "a layer": """
import torch
import torch.nn as nn
import torch.nn.functional as F
class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Dropout(0.2)
    def forward(self, x):
        return self.b(self.a(x))
N()(torch.ones(1, 2))
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["A06"]), "A06", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["A06"]), "A06", "passed")
