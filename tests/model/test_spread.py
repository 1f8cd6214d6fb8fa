"""A target whose numbers are too near to each other, or far from 0."""

import numpy as np
import pytest

import firesteel


def quick(y):
    x = np.linspace(-1, 1, 60).reshape(-1, 2)
    return firesteel.fit(x, y, task="regression", epochs=1, members=1, baselines=False)


def test_a_target_whose_squares_would_be_0_is_refused():
    with pytest.raises(firesteel.DataError, match="another unit"):
        quick(np.linspace(1, 2, 30) * 1e-200)


@pytest.mark.parametrize("unit", [1e-60, 1e60])
def test_the_unit_of_the_target_changes_no_score(unit):
    y = np.linspace(1, 2, 30) ** 2
    scores = [{s.name: s.value for s in quick(y * factor).report.test} for factor in (1, unit)]
    assert scores[0]["r2"] == pytest.approx(scores[1]["r2"], rel=1e-4)
    assert scores[0]["rmse"] * unit == pytest.approx(scores[1]["rmse"], rel=1e-4)
