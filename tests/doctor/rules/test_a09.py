"""Whole modules in files."""

from __future__ import annotations

import pytest

SICK = {
    "saved": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
import io
class N(nn.Module):
    pass
n = N()
try:
    torch.save(n, io.BytesIO())
except Exception:
    pass
""",
        "torch.save(n",
    ),
    "loaded": (
        """
import torch
import torch.nn as nn
import torch.nn.functional as F
import io
f = io.BytesIO()
torch.save({}, f)
f.seek(0)
torch.load(f, weights_only=False)
""",
        "weights_only=False",
    ),
}

HEALTHY = {
    "weights": """
import torch
import torch.nn as nn
import torch.nn.functional as F
import io
n = nn.Linear(2, 1)
torch.save(n.state_dict(), io.BytesIO())
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["A09"]), "A09", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["A09"]), "A09", "passed")
