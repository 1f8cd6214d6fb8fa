"""A module of the user's own goes through the same verbs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import firesteel
from firesteel import ModelError, NetError, RecipeError


class Small(nn.Module):
    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(d_in, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, d_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def seeded(d_in: int, d_out: int) -> nn.Module:
    torch.manual_seed(0)
    return Small(d_in, d_out)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_it_learns(make_rows, task) -> None:
    model = firesteel.fit(make_rows(task, n=400), "y", net=seeded, epochs=40, lr=0.02, baselines=False)
    assert model.report.main.value > {"binary": 0.8, "multiclass": 0.7}.get(task, 0)
    if task == "regression":
        assert next(found.value for found in model.report.test if found.name == "r2") > 0.8


def test_it_is_loaded_together_with_its_class(make_rows, quick, tmp_path) -> None:
    model = firesteel.fit(make_rows(), "y", net=seeded, output=tmp_path / "run", **quick)
    loaded, rows = firesteel.load(tmp_path / "run", net=Small), make_rows(seed=1)
    assert loaded.predict(rows).to_frame().equals(model.predict(rows).to_frame())


def test_without_its_class_the_folder_says_what_is_missing(make_rows, quick, tmp_path) -> None:
    firesteel.fit(make_rows(), "y", net=seeded, output=tmp_path / "run", **quick)
    with pytest.raises(ModelError, match=r"net=MyNet\(\)"):
        firesteel.load(tmp_path / "run")


def test_another_class_is_refused(make_rows, quick, tmp_path) -> None:
    firesteel.fit(make_rows(), "y", net=seeded, output=tmp_path / "run", **quick)
    with pytest.raises(ModelError, match="the module that the model was trained with"):
        firesteel.load(tmp_path / "run", net=nn.Linear)


def test_its_net_is_plain_torch(make_rows, quick) -> None:
    model = firesteel.fit(make_rows(), "y", net=seeded, **quick)
    batch = model.encode(make_rows(seed=1))
    with torch.no_grad():
        proba = model.net(torch.from_numpy(batch.x_num), torch.from_numpy(batch.x_cat))
    np.testing.assert_allclose(proba, model.answer(batch), atol=1e-6)


def test_a_net_of_the_wrong_width_is_told_the_right_one(make_rows, quick) -> None:
    with pytest.raises(NetError, match=r"must turn \(batch, \d+\) into \(batch, \d\)"):
        firesteel.fit(make_rows(), "y", net=nn.Linear(100, 1), **quick)


def test_folds_are_refused(make_rows) -> None:
    with pytest.raises(RecipeError, match="single member"):
        firesteel.fit(make_rows(), "y", net=seeded, members=3, epochs=1, baselines=False)
