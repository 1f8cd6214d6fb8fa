"""Reshapes that mix."""

from __future__ import annotations

import pytest

SICK = {
    "channels first": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
a = torch.rand(9, 5, 6, 3).reshape(9, 3, 5, 6)
""",
        "reshape(9, 3, 5, 6)",
    ),
    "samples last": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
a = torch.rand(9, 4, 5).view(20, 9)
""",
        "view(20, 9)",
    ),
    "an array": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
import numpy as np
a = np.arange(9 * 20.0).reshape(9, 4, 5)
a = np.array(a)
b = a.reshape(20, 9).T
print(torch.tensor(b).shape)
""",
        "a.reshape(20, 9).T",
    ),
}

HEALTHY = {
    "neighbours joined": """
import torch
a = torch.rand(9, 16, 8)
b = a.reshape(9, a.shape[1] // 2, 2 * a.shape[2])
""",
    "as many rows as numbers in each": """
import torch
a = torch.rand(16, 5, 16)
b = a.view(-1, 16) + a.reshape(16 * 5, 16)
""",
    "permuted": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
a = torch.rand(9, 5, 6, 3).permute(0, 3, 1, 2).reshape(9, -1)
""",
    "heads": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
a = torch.rand(9, 5, 8).view(9, 5, 2, 4).transpose(1, 2)
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
    assert_found(diagnose(text, only=["S02"]), "S02", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S02"]), "S02", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S02"]), "S02", "not applicable")
