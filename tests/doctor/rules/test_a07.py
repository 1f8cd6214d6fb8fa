"""Scalers fitted again."""

from __future__ import annotations

import pytest

SICK = {
    "split": (
        """
import numpy as np
from sklearn.model_selection import train_test_split as tts, train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler
X = np.random.default_rng(0).normal(size=(40, 2))
p, q = train_test_split(X)
s = StandardScaler()
p = s.fit_transform(p)
q = s.fit_transform(q)
""",
        "q = s.fit_transform(q)",
    ),
    "slices": (
        """
import numpy as np
from sklearn.model_selection import train_test_split as tts, train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler
X = np.random.default_rng(0).normal(size=(40, 2))
p, q = X[:30], X[30:]
p = MinMaxScaler().fit_transform(p)
q = MinMaxScaler().fit_transform(q)
""",
        "q = MinMaxScaler()",
    ),
}

HEALTHY = {
    "transform": """
import numpy as np
from sklearn.model_selection import train_test_split as tts, train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler
X = np.random.default_rng(0).normal(size=(40, 2))
p, q = train_test_split(X)
s = StandardScaler()
p = s.fit_transform(p)
q = s.transform(q)
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["A07"]), "A07", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["A07"]), "A07", "passed")
