"""`firesteel fit` on pictures: every source, every net, every option of theirs."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

import firesteel
from firesteel import DataError, NetError, RecipeError
from firesteel.training import Checkpoint

QUICK = ("--epochs", 3, "--members", 1, "--no-baselines")


def own_net(d_in, d_out):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * d_in, d_out)
    )


def choices_of(model):
    return {choice.name: choice.value for choice in model.report.choices}


def notices_of(model):
    return [notice.text for notice in model.report.notices]


def accuracy_of(model):
    return next(found.value for found in model.report.test if found.name == "accuracy")


@pytest.mark.parametrize("net", ["conv", "resnet", "mlp", "linear"])
def test_each_net_learns_which_side_is_bright(make_pictures, net) -> None:
    model = firesteel.fit(*make_pictures(120), net=net, epochs=8, members=1, baselines=False, batch_size=16)
    assert accuracy_of(model) == 1
    assert model.classes == ("left", "right")


def test_pictures_get_a_conv_net_and_it_says_so(make_pictures, quick) -> None:
    model = firesteel.fit(*make_pictures(), **quick)
    assert choices_of(model)["net"] == "conv"
    assert choices_of(model)["channels"] == (16, 32)
    assert model.report.reads == "8 x 8, grey"


def test_the_same_pictures_give_the_same_bits_as_folder_arrays_and_files(
    make_pictures, make_pictures_folder, quick, tmp_path
) -> None:
    x, y = make_pictures()
    order = np.argsort(y, kind="stable")  # as the folder's names are sorted
    x, y = x[order], y[order]
    np.savez(tmp_path / "set.npz", x=x, y=y)
    folder = make_pictures_folder(tmp_path / "folder")
    sources = [(folder, None), (str(tmp_path / "set.npz"), None), (x, y), (torch.from_numpy(x)[:, None], y)]
    weights = [firesteel.fit(*source, net="linear", **quick).population.weights for source in sources]
    assert all(torch.equal(weights[0], other) for other in weights[1:])


def test_colours_are_read_as_three_channels(make_pictures, quick) -> None:
    model = firesteel.fit(*make_pictures(form=(8, 10, 3)), **quick)
    assert model.report.reads == "8 x 10, RGB"
    assert model.features.form.shape == (8, 10, 3)


def test_the_command_line_fits_a_folder_and_says_what_to_type_next(say, make_pictures_folder, tmp_path) -> None:
    folder = make_pictures_folder(tmp_path / "sides")
    said = say("fit", folder, *QUICK, "-o", tmp_path / "run")
    assert said.code == 0
    assert f"firesteel predict {tmp_path / 'run'} PICTURES --show" in " ".join(said.out.split())
    assert "from pictures (8 x 8, grey)" in " ".join(said.out.split())
    assert (tmp_path / "run" / "report.html").read_text(encoding="utf-8").count("data:image/png") > 3


def test_json_holds_the_report_with_its_pictures(say, make_pictures_folder, tmp_path) -> None:
    folder = make_pictures_folder(tmp_path / "sides")
    said = say("fit", folder, *QUICK, "--json", "-o", tmp_path / "run")
    record = json.loads(said.out)
    assert said.code == 0
    assert record["scores"]["test"]["accuracy"]
    assert record["n_rows"] == {"train": 42, "val": 9, "test": 9}


def test_quiet_says_the_headline_alone(say, make_pictures_folder, tmp_path) -> None:
    said = say("fit", make_pictures_folder(tmp_path / "sides"), *QUICK, "--quiet", "-o", tmp_path / "run")
    assert said.out.startswith("accuracy")
    assert said.out.rstrip().endswith(f"saved in {tmp_path / 'run'}")
    assert said.err == ""


def test_labels_come_from_a_table(say, make_pictures, make_pictures_folder, tmp_path) -> None:
    folder = make_pictures_folder(tmp_path / "flat", is_sorted=False)
    names = [f"{i:03}.png" for i in range(60)]
    pl.DataFrame({"name": names, "side": make_pictures()[1], "n": range(60)}).write_csv(tmp_path / "labels.csv")
    words = ("--labels", tmp_path / "labels.csv", "--target", "side")
    assert say("fit", folder, *words, *QUICK, "-o", tmp_path / "run").code == 0
    assert firesteel.load(tmp_path / "run").classes == ("left", "right")


def test_numbers_with_decimals_beside_pictures_are_a_regression(make_pictures, quick) -> None:
    x, _ = make_pictures(200)
    brightness = x.mean((1, 2)) / 7 + np.arange(200) % 2 * 5
    model = firesteel.fit(x, brightness, **quick | {"epochs": 15})
    assert model.report.task == "regression"
    assert model.report.sights is None
    pred = model.predict(x[:50]).pred
    assert np.corrcoef(pred, brightness[:50])[0, 1] > 0.8


def test_whole_numbers_beside_pictures_are_classes(make_pictures, quick) -> None:
    x, _ = make_pictures()
    model = firesteel.fit(x, np.arange(60) % 3 * 7, **quick)
    assert model.classes == ("0", "7", "14")
    assert model.report.task == "multiclass"


def test_an_own_test_set_is_the_test_set(say, make_pictures_folder, tmp_path) -> None:
    train, test = make_pictures_folder(tmp_path / "train"), make_pictures_folder(tmp_path / "other", 14, seed=9)
    assert say("fit", train, "--test", test, *QUICK, "-o", tmp_path / "run").code == 0
    assert firesteel.load(tmp_path / "run").report.n_rows["test"] == 14


def test_test_pictures_of_another_size_are_fitted(make_pictures, make_pictures_folder, quick, tmp_path) -> None:
    test = make_pictures_folder(tmp_path / "large", 10, seed=4, form=(16, 16, 1))
    model = firesteel.fit(*make_pictures(), test=test, **quick)
    assert model.report.n_rows["test"] == 10
    assert any("fitted to 8 x 8" in text for text in notices_of(model))


def test_a_test_picture_that_stands_among_the_training_pictures_is_not_learned_from(make_pictures, quick) -> None:
    x, y = make_pictures()
    model = firesteel.fit(x, y, test=(x[:10], y[:10]), **quick)
    n_rows = model.report.n_rows
    assert (n_rows["train"] + n_rows["val"], n_rows["test"]) == (50, 10)
    assert any("equal a test" in text for text in notices_of(model))


def test_size_fits_every_picture(say, make_pictures_folder, tmp_path) -> None:
    folder = make_pictures_folder(tmp_path / "sides")
    assert say("fit", folder, "--size", "12x10x3", *QUICK, "-o", tmp_path / "run").code == 0
    assert firesteel.load(tmp_path / "run").features.form.shape == (12, 10, 3)


@pytest.mark.parametrize("size", ["12x10", "0x8x1", "8x8x2", "axbxc", "8x8x-1"])
def test_a_size_that_is_none_is_refused(say, make_pictures_folder, tmp_path, size) -> None:
    said = say("fit", make_pictures_folder(tmp_path / "sides", 10), "--size", size, *QUICK, "-o", tmp_path / "run")
    assert (said.code, said.out) == (2, "")
    assert "--size 64x64x3" in said.err


def test_columns_of_pixels_are_seen_as_pictures_and_left_alone_when_asked(say, make_pictures, tmp_path) -> None:
    x, y = make_pictures()
    x = np.kron(x ^ np.random.default_rng(0).integers(0, 128, x.shape, dtype=np.uint8), np.ones((2, 2), np.uint8))
    columns = {f"p{i}": x.reshape(60, -1)[:, i] for i in range(256)}
    pl.DataFrame({"side": y, **columns}).write_csv(tmp_path / "pixels.csv")
    for word, is_picture in ((), True), (("--no-pictures",), False):
        place = tmp_path / f"run{is_picture}"
        assert say("fit", tmp_path / "pixels.csv", "--target", "side", *word, *QUICK, "-o", place).code == 0
        assert bool(firesteel.load(place).report.reads) == is_picture


def test_pictures_asked_for_in_a_table_without_any_is_refused(say, make_rows, tmp_path) -> None:
    make_rows().write_csv(tmp_path / "rows.csv")
    said = say("fit", tmp_path / "rows.csv", "--target", "y", "--pictures", *QUICK, "-o", tmp_path / "run")
    assert said.code == 2
    assert "one pixel a column" in said.err


@pytest.mark.parametrize("net", ["conv", "resnet"])
def test_a_net_over_maps_refuses_columns(say, make_rows, tmp_path, net) -> None:
    make_rows().write_csv(tmp_path / "rows.csv")
    said = say("fit", tmp_path / "rows.csv", "--target", "y", "--net", net, *QUICK, "-o", tmp_path / "run")
    assert said.code == 2
    assert f"a {net} net reads pictures; these rows are columns" in said.err
    assert "--net mlp" in said.err


def test_float64_trains_in_float64(make_pictures, quick) -> None:
    model = firesteel.fit(*make_pictures(), dtype="float64", **quick)
    assert model.population.weights.dtype == torch.float64
    assert "precision" not in choices_of(model)


def test_bfloat16_maps_refuse_float64_weights(make_pictures, quick) -> None:
    with pytest.raises(RecipeError, match="go with weights in float32"):
        firesteel.fit(*make_pictures(), dtype="float64", precision="bfloat16", **quick)


@pytest.mark.parametrize("recipe", [{"precision": "bfloat16"}, {"precision": "float32"}, {"threads": 1}, {"ema": 0.0}])
def test_what_is_asked_for_is_not_chosen(make_pictures, quick, recipe) -> None:
    model = firesteel.fit(*make_pictures(), **quick, **recipe)
    assert not recipe.keys() & choices_of(model).keys()
    assert model.recipe.to_dict().items() >= recipe.items()


def test_a_list_of_lr_is_measured_on_val_pictures(make_pictures, quick) -> None:
    model = firesteel.fit(*make_pictures(), lr=(1e-6, 0.01), **quick | {"epochs": 6})
    assert choices_of(model)["lr"] == 0.01
    assert model.population.k == 1


def test_folds_of_few_pictures_are_averaged(make_pictures) -> None:
    model = firesteel.fit(*make_pictures(), epochs=2, baselines=False, precision="float32")
    assert model.population.k == model.report.n_members == 5


def test_views_that_are_asked_for_are_taken_and_kept(make_pictures, quick, tmp_path) -> None:
    asked = {"shift": 0.1, "rotate": 5.0, "scale": 0.1, "erase": 0.2, "flip": 0.0}
    model = firesteel.fit(*make_pictures(), output=tmp_path / "run", **asked, **quick)
    assert model.recipe.to_dict().items() >= asked.items()
    assert "Augment" in (tmp_path / "run" / "model.json").read_text()


def test_the_recipe_of_a_run_repeats_it(make_pictures, quick, tmp_path) -> None:
    x, y = make_pictures()
    model = firesteel.fit(x, y, output=tmp_path / "run", **quick)
    again = firesteel.fit(x, y, recipe=tmp_path / "run" / "recipe.toml")
    assert torch.equal(again.population.weights, model.population.weights)


class KillError(Exception):
    """What stands for kill -9."""


def test_a_killed_run_of_pictures_is_resumed_to_the_same_bits(make_pictures, tmp_path, monkeypatch) -> None:
    often = partial(Checkpoint, seconds_between=0.0)
    monkeypatch.setattr("firesteel.model.fitting.Checkpoint", often)
    x, y = make_pictures()
    settings = {"epochs": 4, "members": 1, "baselines": False, "precision": "float32"}

    def killed(sight):
        if sight.epochs_done > 2:
            raise KillError

    with pytest.raises(KillError):
        firesteel.fit(x, y, output=tmp_path / "run", observer=killed, **settings)
    resumed = firesteel.fit(x, y, resume=tmp_path / "run")
    assert torch.equal(resumed.population.weights, firesteel.fit(x, y, **settings).population.weights)


def test_a_module_of_one_s_own_reads_pictures_as_torch_does(make_pictures, tmp_path) -> None:
    x, y = make_pictures(120)
    model = firesteel.fit(x, y, net=own_net, epochs=20, baselines=False, output=tmp_path / "run")
    assert accuracy_of(model) == 1
    loaded = firesteel.load(tmp_path / "run", net=own_net)
    np.testing.assert_array_equal(loaded.predict(x).proba, model.predict(x).proba)


def test_a_module_that_does_not_read_such_pictures_is_refused(make_pictures, quick) -> None:
    with pytest.raises(NetError, match="must turn"):
        firesteel.fit(*make_pictures(), net=nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 1)), **quick)


@pytest.mark.parametrize("n", [1, 9])
def test_as_many_labels_as_pictures_are_needed(make_pictures, quick, n) -> None:
    x, y = make_pictures(10)
    with pytest.raises(DataError, match="every picture needs one label"):
        firesteel.fit(x, y[:n], **quick)


def test_offline_downloads_nothing_and_says_where_a_set_could_lie(say, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("FIRESTEEL_DATA", raising=False)
    monkeypatch.setenv("FIRESTEEL_CACHE", str(tmp_path / "cache"))
    said = say("fit", "fashion-mnist", "--offline", "--data-dir", tmp_path, *QUICK, "-o", tmp_path / "run")
    assert said.code == 2
    assert "Try: " in said.err
    assert not (tmp_path / "run").exists()
