"""Sources of chance without a seed."""

from __future__ import annotations

import pytest

NOTHING = "import torch\nprint(torch.ones(2))"

SICK = {
    "none seeded": ("import torch\nx = 1\nnet = torch.nn.Linear(2, 1)\nprint(torch.randn(2))", "torch.nn.Linear(2, 1)"),
    "numpy is not": (
        "import numpy as np\nimport torch\ntorch.manual_seed(1)\nnp.random.shuffle([1, 2])\ntorch.rand(1)",
        "torch.manual_seed(1)",
    ),
    "python is not": (
        "import random\nimport torch\ntorch.manual_seed(1)\nrandom.shuffle([1, 2])\ntorch.rand(1)",
        "torch.manual_seed(1)",
    ),
}

SICK |= {
    "a helper that forgets pytorch": (
        "import random\nimport numpy as np\nimport torch\ndef fix(n):\n    random.seed(n)\n    np.random.seed(n)\n"
        "fix(3)\nprint(np.random.rand(), random.random())\nnet = torch.nn.Linear(2, 1)",
        "np.random.seed(n)",
    ),
}

HEALTHY = {
    "all": "import random\nimport torch\ntorch.manual_seed(1)\nrandom.seed(1)\nrandom.shuffle([1])\ntorch.rand(1)",
    "generators of one's own": (
        "import numpy as np\nimport torch\ntorch.manual_seed(7)\nnp.random.default_rng(0).random()\ntorch.rand(1)"
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["S11"]), "S11", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S11"]), "S11", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S11"]), "S11", "not applicable")


def test_several_generators_are_named_in_the_plural(diagnose) -> None:
    found = diagnose("import numpy as np\nimport torch\nprint(torch.rand(2), np.random.rand(2))", only=["S11"])
    assert found.findings[0].message == "PyTorch's and NumPy's generators are drawn from without a seed"


CLASS = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, 3),
            nn.ReLU(),
        )
net = Net()
"""


def test_a_seed_is_set_outside_of_classes(diagnose) -> None:
    (one,) = diagnose(CLASS, only=["S11"]).findings
    assert one.fix == "     + torch.manual_seed(0)\n   3   class Net(nn.Module):"
