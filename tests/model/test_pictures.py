"""Runs of pictures on disk: what an editor changed in them is a model error, or a model that works."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest

from firesteel.errors import FiresteelError, ModelError
from firesteel.model import load_model, save_model
from firesteel.model.folder import read_folder, write_folder


@pytest.fixture(scope="module")
def written(picture_run):
    return read_folder(picture_run)


@pytest.fixture
def rewritten(written, tmp_path):
    """A copy of a run with a change in its record or its weights, and new checksums."""

    def write(change):
        record, tensors = copy.deepcopy(written[0]), {name: value.clone() for name, value in written[1].items()}
        change(record, tensors)
        write_folder(tmp_path / "run", record, tensors=tensors, files={}, force=True)
        return tmp_path / "run"

    return write


def into(*path, value):
    """Puts a value at a place of the record."""

    def change(record, _):
        owner = record
        for key in path[:-1]:
            owner = owner[key]
        owner[path[-1]] = value

    return change


BODY = ("net", "body", "layers")
LIES = [
    into("features", "form", "height", value=9),
    into("features", "form", "channels", value=3),
    into("features", "form", "channels", value=2),
    into("features", "form", "width", value=2**40),
    into("features", "form", value=None),
    into("net", "d_num", value=2**30),
    into(*BODY, 0, "channels", value=2**30),
    into(*BODY, 0, "channels", value=17),
    into(*BODY, 0, "kernel", value=[1, 1]),
    into(*BODY, 0, "padding", value=[-1, 1]),
    into("net", "inputs", 0, "layers", "layers", 0, "shape", value=[4, 16, 1]),
    into("n_members", value=2),
    into("features", "target", "classes", value=["left", "up"]),
    into("is_own_module", value=True),
    lambda _, tensors: tensors.popitem(),
    lambda _, tensors: next(iter(tensors.values())).fill_(float("nan")),
]


@pytest.mark.parametrize("change", LIES, ids=range(len(LIES)))
def test_a_lie_with_the_right_checksums_is_a_model_error(rewritten, change) -> None:
    with pytest.raises(ModelError):
        load_model(rewritten(change))


def test_a_rewritten_run_that_says_the_same_answers_the_same(rewritten, picture_run, make_pictures) -> None:
    x, _ = make_pictures(10, seed=4)
    answers = [load_model(place).predict(x).proba for place in (picture_run, rewritten(lambda *_: None))]
    np.testing.assert_array_equal(*answers)


def test_a_model_that_is_saved_again_is_the_same_model(picture_run, make_pictures, tmp_path) -> None:
    model = load_model(picture_run)
    save_model(model, tmp_path / "again")
    again = load_model(tmp_path / "again")
    x, _ = make_pictures(10, seed=4)
    assert again.population.net == model.population.net
    np.testing.assert_array_equal(again.predict(x).proba, model.predict(x).proba)


def places(value, path=()):
    """The path of every value inside a record."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("part", ["features", "net", "readout", "schema"])
def test_an_edited_run_works_or_is_refused(rewritten, written, make_pictures, part, seed) -> None:
    draw = random.Random(seed)
    x, _ = make_pictures(3)
    for _ in range(10):
        path = draw.choice(places(written[0][part])[1:])
        value = draw.choice([None, True, -1, 0, 1, 3, 2**40, 0.5, "x", [], {}, [1, 2], float("1e300")])
        try:
            answers = load_model(rewritten(into(part, *path, value=value))).predict(x)
        except FiresteelError:
            continue
        assert len(answers.pred) == 3


def test_the_report_of_a_run_shows_its_pictures(picture_run) -> None:
    page = (picture_run / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") >= 10
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_figures_are_written_as_png_where_asked_for(make_pictures, quick, tmp_path) -> None:
    import firesteel

    firesteel.fit(*make_pictures(), net="linear", figures=True, output=tmp_path / "run", **quick)
    assert len(list((tmp_path / "run").rglob("*.png"))) >= 3
