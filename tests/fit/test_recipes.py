"""What was asked for, what was chosen, and that a run can be repeated from its recipe."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import firesteel
from firesteel import Recipe, RecipeError

FILES = {"model.json", "weights.safetensors", "recipe.toml", "split.json", "history.csv", "scores.json", "report.html"}


def weights_of(run: Path) -> bytes:
    return (run / "weights.safetensors").read_bytes()


@pytest.fixture
def rows_csv(make_rows, tmp_path) -> Path:
    make_rows().write_csv(tmp_path / "rows.csv")
    return tmp_path / "rows.csv"


def test_a_run_folder_holds_all_that_was_found_out(say, rows_csv, tmp_path) -> None:
    words = ("--target", "y", "--epochs", 2, "--members", 2, "--no-baselines", "-o", tmp_path / "run")
    assert say("fit", rows_csv, *words).code == 0
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "run"]
    history = pl.read_csv(tmp_path / "run" / "history.csv")
    assert history.columns == ["epoch", "member", "train_loss", "val_loss", "is_best"]
    assert history.height == 4


def test_figures_are_written_when_asked_for(say, rows_csv, tmp_path) -> None:
    words = ("--target", "y", "--epochs", 2, "--members", 1, "--no-baselines", "--figures", "-o", tmp_path / "run")
    assert say("fit", rows_csv, *words).code == 0
    figures = list((tmp_path / "run").glob("*.png"))
    assert figures
    assert all(figure.read_bytes().startswith(b"\x89PNG") for figure in figures)


def test_without_o_the_run_is_named_after_the_data(say, rows_csv, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert say("fit", rows_csv, "--target", "y", "--epochs", 1, "--members", 1, "--no-baselines").code == 0
    assert (tmp_path / "runs" / "rows" / "model.json").exists()


def test_the_recipe_of_a_run_repeats_it_to_the_bit(say, rows_csv, tmp_path) -> None:
    words = ("--target", "y", "--epochs", 3, "--seed", 7, "--no-baselines", "--kind", "age=categorical")
    assert say("fit", rows_csv, *words, "-o", tmp_path / "one").code == 0
    again = say("fit", "--recipe", tmp_path / "one" / "recipe.toml", "-o", tmp_path / "two")
    assert again.code == 0
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "two")
    reports = [json.loads((tmp_path / name / "scores.json").read_text()) for name in ("one", "two")]
    assert reports[0]["scores"] == reports[1]["scores"]


def test_the_written_recipe_leaves_no_choice_open(finished_run) -> None:
    model = firesteel.load(finished_run)
    fields = model.recipe.to_dict()
    for choice in model.report.choices:
        if choice.name in Recipe.model_fields:
            assert choice.name in fields, f"{choice.name} was chosen and is not in the recipe"


def test_options_go_before_the_recipe(say, rows_csv, tmp_path) -> None:
    (tmp_path / "my.toml").write_text('target = "y"\nepochs = 9\nmembers = 1\nbaselines = false\n')
    said = say("fit", rows_csv, "--recipe", tmp_path / "my.toml", "--epochs", 2, "-o", tmp_path / "run")
    assert said.code == 0
    assert firesteel.load(tmp_path / "run").recipe.epochs == 2


def test_a_recipe_in_python_is_a_dict_or_a_file(make_rows, quick) -> None:
    model = firesteel.fit(make_rows(), recipe={"target": "y", "lr": 0.02, **quick})
    assert model.recipe.lr == 0.02


def test_several_values_are_measured_and_the_best_is_kept(make_rows) -> None:
    model = firesteel.fit(
        make_rows("regression", n=300), "y", lr=[1e-7, 0.01], members=1, epochs=15, baselines=False, schedule="constant"
    )
    choice = next(choice for choice in model.report.choices if choice.name == "lr")
    assert choice.value == 0.01
    assert "best of 2 on val rows" in choice.reason
    assert "with 1e-07" in choice.reason
    assert model.population.k == 1


def test_a_list_of_values_and_folds_keeps_all_folds_of_the_best_value(say, rows_csv, tmp_path) -> None:
    words = ("--target", "y", "--lr", "0.00001,0.01", "--members", 3, "--epochs", 4, "--no-baselines")
    said = say("fit", rows_csv, *words, "-o", tmp_path / "run")
    assert said.code == 0
    assert "best of 2 on val rows" in " ".join(said.out.split())
    assert firesteel.load(tmp_path / "run").population.k == 3


def test_two_lists_of_different_lengths_are_refused(make_rows, quick) -> None:
    with pytest.raises(RecipeError):
        firesteel.fit(make_rows(), "y", lr=[0.1, 0.01], dropout=[0.1, 0.2, 0.3], **quick)


def test_the_same_seed_gives_the_same_bits_and_another_one_others(make_rows, quick) -> None:
    weights = [firesteel.fit(make_rows(), "y", seed=seed, **quick).population.weights for seed in (3, 3, 4)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_float64_is_kept_on_the_way_to_the_disk(make_rows, quick, tmp_path) -> None:
    model = firesteel.fit(make_rows(), "y", dtype="float64", output=tmp_path / "run", **quick)
    loaded = firesteel.load(tmp_path / "run")
    assert loaded.population.weights.dtype == torch.float64
    assert torch.equal(loaded.population.weights, model.population.weights)


@pytest.mark.parametrize("n_members", [1, 2])
def test_members_says_how_many_nets_answer_together(make_rows, quick, n_members) -> None:
    model = firesteel.fit(make_rows(), "y", **{**quick, "members": n_members})
    assert model.population.k == n_members == len(model.net.members)
    assert model.report.n_members == n_members


def test_a_loaded_model_answers_as_the_one_that_was_saved(make_rows, quick, tmp_path) -> None:
    model = firesteel.fit(make_rows(), "y", output=tmp_path / "run", **quick)
    loaded, rows = firesteel.load(tmp_path / "run"), make_rows(seed=1)
    assert loaded.predict(rows).to_frame().equals(model.predict(rows).to_frame())
    assert loaded.report.to_dict() == model.report.to_dict()


def test_a_loaded_model_can_be_saved_again(finished_run, tmp_path) -> None:
    firesteel.save(firesteel.load(finished_run), tmp_path / "copy")
    assert weights_of(tmp_path / "copy") == weights_of(finished_run)


def test_an_earlier_run_is_replaced_only_with_force(say, rows_csv, tmp_path) -> None:
    words = ("fit", rows_csv, "--target", "y", "--members", 1, "--no-baselines", "-o", tmp_path / "run")
    assert say(*words, "--epochs", 1).code == 0
    before = weights_of(tmp_path / "run")
    said = say(*words, "--epochs", 2)
    assert said.code == 2
    assert "--force" in said.err
    assert weights_of(tmp_path / "run") == before
    assert say(*words, "--epochs", 2, "--force").code == 0
    assert weights_of(tmp_path / "run") != before


def test_json_has_the_keys_that_programs_read(say, rows_csv, tmp_path) -> None:
    words = ("--target", "y", "--epochs", 2, "--members", 2, "--json", "-o", tmp_path / "run")
    said = say("fit", rows_csv, *words)
    assert (said.code, said.err) == (0, "")
    record = json.loads(said.out)
    assert record["run"] == str(tmp_path / "run")
    for part in ("test", "val"):
        assert record["scores"][part]["accuracy"].keys() >= {"value", "low", "high"}
    assert {"majority", "logistic_regression", "nearest_neighbours", "svm"} <= record["baselines"].keys()
    assert record["baselines"]["majority"]["accuracy"].keys() >= {"value", "low", "high"}
    assert all(choice.keys() == {"name", "value", "reason"} for choice in record["choices"])
    assert all(notice.keys() >= {"code", "text"} for notice in record["notices"])
    assert record["seconds"].keys() == {"reading", "training", "evaluating"}


def test_quiet_says_only_the_headline(say, rows_csv, tmp_path) -> None:
    words = ("--target", "y", "--epochs", 1, "--members", 1, "--no-baselines", "--quiet", "-o", tmp_path / "run")
    said = say("fit", rows_csv, *words)
    assert len(said.out.splitlines()) <= 3
    assert said.out.splitlines()[-1] == f"saved in {tmp_path / 'run'}"


def test_every_choice_is_printed_with_its_reason(say, rows_csv, tmp_path) -> None:
    said = say("fit", rows_csv, "--target", "y", "--epochs", 2, "--members", 1, "--no-baselines", "-o", tmp_path / "r")
    text = " ".join(said.out.split())
    for choice in firesteel.load(tmp_path / "r").report.choices:
        assert choice.name in text
        assert choice.reason in text


def test_baselines_are_named_in_words_or_in_the_recipe(say, rows_csv, tmp_path) -> None:
    words = ("fit", rows_csv, "--target", "y", "--epochs", 1, "--members", 1, "-o", tmp_path / "run", "--force")
    assert say(*words, "--baselines", "random_forest,majority").code == 0
    assert list(firesteel.load(tmp_path / "run").report.to_dict()["baselines"]) == ["majority", "random_forest"]
    recipe = tmp_path / "run" / "recipe.toml"
    assert 'baselines = [\n    "random_forest",\n    "majority",\n]' in recipe.read_text()
    (tmp_path / "own.toml").write_text('baselines = ["majority"]\n')
    assert say(*words, "--recipe", tmp_path / "own.toml").code == 0
    assert [one.name for one in firesteel.load(tmp_path / "run").report.baselines] == ["majority"]
    assert say(*words, "--recipe", tmp_path / "own.toml", "--no-baselines").code == 0
    assert firesteel.load(tmp_path / "run").report.baselines == ()


def test_an_empty_list_of_baselines_is_none_and_a_single_name_a_list() -> None:
    assert Recipe(baselines=[]).baselines is False
    assert Recipe(baselines="svm").baselines == ("svm",)


def test_a_formula_is_in_the_columns_own_units_however_they_are_read() -> None:
    day, is_open = 2e9 + np.arange(200) % 50, np.arange(200) // 50 % 2
    frame = pl.DataFrame({"day": day, "is_open": is_open == 1, "y": 3 * (day - 2e9) + 70 * is_open})
    model = firesteel.fit(frame, "y", keep=["day", "is_open"], epochs=1, members=1, baselines=["linear_regression"])
    terms = {term.name: term.coefficient for term in model.report.baselines[0].terms}
    (shifted,) = [name for name in terms if name.startswith("'day - 20000000")]
    assert terms[shifted] == pytest.approx(3)
    assert terms["'is_open=true'"] == pytest.approx(70)
