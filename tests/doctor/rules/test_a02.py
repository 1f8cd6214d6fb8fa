"""Results that are thrown away."""

from __future__ import annotations

import pytest

SICK = {
    "function": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
x = torch.ones(2)
torch.clamp(x, 0, 1)
""",
        "torch.clamp(x, 0, 1)",
    ),
    "method": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
x = torch.ones(2)
x.to('cpu')
""",
        "x.to('cpu')",
    ),
    "a mask": (
        """
import torch
from torch import nn
class N(nn.Module):
    def forward(self, a, mask):
        scores = a @ a.transpose(1, 2)
        scores.masked_fill(mask, float("-inf"))
        return scores.softmax(-1)
N()(torch.ones(2, 3, 3), torch.zeros(2, 3, 3).bool())
""",
        "scores.masked_fill(mask",
    ),
    "in forward": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
class N(nn.Module):
    def forward(self, a):
        a.view(-1)
        return a
N()(torch.ones(2, 1))
""",
        "a.view(-1)",
    ),
}

HEALTHY = {
    "in place": """
import torch
import torch.nn as nn
import torch.nn.functional as F
x = torch.ones(2)
x.clamp_(0, 1)
F.relu(x, inplace=True)
""",
    "modules move": """
import torch
import torch.nn as nn
import torch.nn.functional as F
net = nn.Linear(2, 1)
net.to('cpu')
net.float()
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["A02"]), "A02", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["A02"]), "A02", "passed")
