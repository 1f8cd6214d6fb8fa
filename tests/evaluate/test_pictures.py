"""`firesteel evaluate` and `show` on a model of pictures."""

from __future__ import annotations

import json

import pytest

import firesteel
from firesteel import DataError, RecipeError


def scores_of(evaluation) -> dict[str, float]:
    return {found.name: found.value for found in evaluation.scores if found.is_applicable}


def test_a_folder_of_classes_is_scored(say, picture_run, make_pictures_folder, tmp_path) -> None:
    folder = make_pictures_folder(tmp_path / "other", 20, seed=3)
    said = say("evaluate", picture_run, folder)
    assert said.code == 0
    assert said.out.startswith("on 20 rows")
    record = json.loads(say("evaluate", picture_run, folder, "--json").out)
    assert record["scores"]["test"]["accuracy"]["value"] == 1


def test_wrong_labels_are_wrong(picture_run, make_pictures) -> None:
    x, y = make_pictures(20, seed=3)
    assert scores_of(firesteel.evaluate(picture_run, x, y))["accuracy"] == 1
    assert scores_of(firesteel.evaluate(picture_run, x, y[::-1]))["accuracy"] == 0


def test_the_test_pictures_score_as_they_did_in_fit(make_pictures, quick) -> None:
    x, y = make_pictures(30, seed=5)
    model = firesteel.fit(*make_pictures(), test=(x, y), **quick)
    again = scores_of(firesteel.evaluate(model, x, y))
    assert again == pytest.approx({found.name: found.value for found in model.report.test})


def test_larger_pictures_are_fitted_and_said(picture_run, make_pictures_folder, tmp_path) -> None:
    folder = make_pictures_folder(tmp_path / "large", 6, form=(16, 16, 1), seed=3)
    evaluation = firesteel.evaluate(picture_run, folder)
    assert any("fitted to 8 x 8" in notice.text for notice in evaluation.notices)


def test_negatives_are_turned_and_said(picture_run, make_pictures) -> None:
    x, y = make_pictures(20, seed=3)
    evaluation = firesteel.evaluate(picture_run, 255 - x, y)
    assert scores_of(evaluation)["accuracy"] == 1
    assert any("read as the negative" in notice.text for notice in evaluation.notices)


def test_pictures_without_labels_cannot_be_scored(picture_run, make_pictures) -> None:
    with pytest.raises(DataError, match="pictures to be scored need labels"):
        firesteel.evaluate(picture_run, make_pictures(6)[0])


def test_labels_that_training_did_not_have_are_refused(picture_run, make_pictures) -> None:
    x, _ = make_pictures(6)
    with pytest.raises(DataError, match="'up', training has 'left', 'right'"):
        firesteel.evaluate(picture_run, x, ["left", "up"] * 3)


def test_another_target_is_refused(picture_run, make_pictures_folder, tmp_path) -> None:
    with pytest.raises(RecipeError, match="predicts 'target'"):
        firesteel.evaluate(picture_run, make_pictures_folder(tmp_path / "other", 6), "side")


def test_show_names_the_pictures_and_the_choices(say, picture_run) -> None:
    said = say("show", picture_run)
    assert said.code == 0
    assert "from pictures (8 x 8, grey)" in " ".join(said.out.split())
    assert "channels" in said.out
    record = json.loads(say("show", picture_run, "--json").out)
    assert record["schema"]["columns"][0]["kind"] == "picture"
