"""Classes used as functions."""

from __future__ import annotations

import pytest

SICK = {
    "in a function whose net is given": (
        """
import torch
from torch import nn
def predict(net, x):
    scores = net(x)
    shares = nn.Softmax(scores)
    return scores.argmax(), shares
""",
        "nn.Softmax(scores)",
    ),
    "layer": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
h = None
if h:
    nn.Sigmoid(torch.ones(2))
""",
        "nn.Sigmoid(torch.ones(2))",
    ),
    "loss": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
a, b = torch.ones(2), torch.ones(2)
if a is b:
    nn.MSELoss(a, b)
""",
        "nn.MSELoss(a, b)",
    ),
    "in a list": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
try:
    nn.Sequential(nn.Linear(2, 2), nn.ReLU)
except TypeError:
    pass
""",
        "nn.ReLU)",
    ),
}

HEALTHY = {
    "a setting that is given": "from torch import nn\ndef head(dim):\n    axis = int(dim)\n    return nn.Softmax(axis)",
    "settings": """
import torch
import torch.nn as nn
import torch.nn.functional as F
nn.Sequential(nn.ReLU(True), nn.Softmax(1), nn.Dropout(0.2))
nn.CrossEntropyLoss(torch.ones(3))
""",
    "called": """
import torch
import torch.nn as nn
import torch.nn.functional as F
nn.ReLU()(torch.ones(2))
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["A03"]), "A03", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["A03"]), "A03", "passed")
