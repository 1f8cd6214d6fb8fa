"""Scalers fitted again on the rows that test: in many styles, by the source alone."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from firesteel.doctor.examining import look_at

HEAD = """
import numpy as np
import sklearn.model_selection as selection
from sklearn.manifold import TSNE
from sklearn.model_selection import KFold, train_test_split as tts
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
X = np.zeros((40, 3))
y = X[:, 0]
s, t = StandardScaler(), MinMaxScaler()
"""

#: The sick line ends with `# here`.
SICK = {
    "an alias": """
        a, b, c, d = tts(X, y)
        a = s.fit_transform(a)
        b = s.fit_transform(b)  # here
        """,
    "by the module": """
        a, b = selection.train_test_split(X)
        a = s.fit_transform(a)
        b = s.fit_transform(b)  # here
        """,
    "a split function of its own": """
        def deal(x, y, n):
            return x[:n], y[:n], x[n:], y[n:]
        a, c, b, d = deal(X, y, 30)
        a = s.fit_transform(a)
        b = s.fit_transform(b)  # here
        """,
    "an order of rows": """
        def deal(x, n):
            order = np.random.permutation(len(x))
            first, rest = order[:n], order[n:]
            return x[first], x[rest]
        a, b = deal(X, 30)
        a = StandardScaler().fit(a).transform(a)
        b = StandardScaler().fit(b).transform(b)  # here
        """,
    "a mask": """
        mask = np.random.rand(40) < 0.8
        a = s.fit_transform(X[mask])
        b = s.fit_transform(X[~mask])  # here
        """,
    "folds": """
        for fold, (tr, te) in enumerate(KFold(5).split(X)):
            a = s.fit_transform(X[tr])
            b = s.fit_transform(X[te])  # here
        """,
    "a function for each part": """
        def scaled(rows):
            return StandardScaler().fit_transform(rows)  # here
        a, b = tts(X)
        a, b = scaled(a), scaled(b)
        """,
    "a function for both": """
        def prepare(known, held):
            known = t.fit_transform(known)
            held = t.fit_transform(held)  # here
            return known, held
        a, b = tts(X)
        a, b = prepare(a, b)
        """,
    "attributes": """
        class Data:
            def __init__(self):
                self.train, self.test = tts(X)
            def scale(self):
                self.train = s.fit_transform(self.train)
                self.test = s.fit_transform(self.test)  # here
        """,
    "a frame": """
        import pandas as pd
        frame = pd.DataFrame(X)
        a, b = frame.iloc[:30].values, frame.iloc[30:].values
        a = s.fit_transform(a)
        b = s.fit_transform(b)  # here
        """,
}

HEALTHY = {
    "transform": """
        a, b = tts(X)
        a = s.fit_transform(a)
        b = s.transform(b)
        """,
    "inputs and targets one step later": """
        a = StandardScaler().fit_transform(X[:-1])
        b = StandardScaler().fit_transform(X[1:])
        """,
    "nothing is learned from rows": """
        a, b = tts(X)
        a, b = Normalizer().fit_transform(a), Normalizer().fit_transform(b)
        """,
    "a picture of each part": """
        a, b = tts(X)
        TSNE().fit_transform(a)
        TSNE().fit_transform(b)
        """,
    "a scaler each for inputs and targets": """
        a, b, c, d = tts(X, y)
        a, c = s.fit_transform(a), t.fit_transform(c.reshape(-1, 1))
        b, d = s.transform(b), t.transform(d.reshape(-1, 1))
        """,
    "a training part of the training part": """
        a, b = tts(X)
        a, v = tts(a)
        a = s.fit_transform(a)
        v, b = s.transform(v), s.transform(b)
        """,
    "columns of two kinds": """
        a = StandardScaler().fit_transform(X[:, :2])
        b = StandardScaler().fit_transform(X[:, 2:])
        """,
    "at last with all rows": """
        a, b = tts(X)
        a = s.fit(a).transform(a)
        final = StandardScaler().fit(X)
        """,
}


def lines_of(text: str, folder: Path) -> list[str]:
    path = folder / "script.py"
    path.write_text(HEAD + textwrap.dedent(text), encoding="utf-8")
    diagnosis = look_at(path, only=["A07"])
    assert diagnosis.failures == ()
    return [one.source for one in diagnosis.findings]


@pytest.mark.parametrize("name", SICK)
def test_the_second_fit_is_named(name: str, tmp_path: Path) -> None:
    lines = lines_of(SICK[name], tmp_path)
    assert len(lines) == 1
    assert lines[0].endswith("# here")


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said(name: str, tmp_path: Path) -> None:
    assert lines_of(HEALTHY[name], tmp_path) == []
