"""Methods that are named and not called."""

from __future__ import annotations

import pytest

SICK = {
    "optimizer": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
net = nn.Linear(2, 1)
opt = torch.optim.Adam(net.parameters())
opt.zero_grad
""",
        "opt.zero_grad",
    ),
    "schedule": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
s = StepLR(SGD(nn.Linear(2, 1).parameters(), lr=0.1), 1)
for _ in range(2):
    s.step
""",
        "s.step",
    ),
    "loss": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
loss = nn.Linear(2, 1)(torch.ones(3, 2)).sum()
loss.backward
""",
        "loss.backward",
    ),
}

HEALTHY = {
    "called": """
import torch
import torch.nn as nn
import torch.nn.functional as F
net = nn.Linear(2, 1)
opt = torch.optim.Adam(net.parameters())
opt.step()
step = opt.step
""",
    "something else's step": """
import torch
import torch.nn as nn
import torch.nn.functional as F
class Walk:
    step = 1
w = Walk()
w.step
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["A01"]), "A01", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["A01"]), "A01", "passed")
