"""`firesteel predict` on pictures: any file, fitted as in training, with a sheet to look at."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

import firesteel
from firesteel import DataError, ModelError, RecipeError


@pytest.fixture
def folder(make_pictures_folder, tmp_path):
    return make_pictures_folder(tmp_path / "flat", 12, seed=7, is_sorted=False)


@pytest.fixture
def one(make_pictures):
    """A picture that is bright on the left."""
    return make_pictures(1, seed=7)[0][0]


def test_each_file_is_answered_beside_its_name(picture_run, folder) -> None:
    frame = firesteel.predict(picture_run, folder).frame
    assert frame.columns == ["file", "target", "proba_left", "proba_right"]
    assert frame["file"].to_list() == [f"{i:03}.png" for i in range(12)]
    assert frame["target"].to_list() == ["left", "right"] * 6
    np.testing.assert_allclose(frame["proba_left"] + frame["proba_right"], 1, atol=1e-12)


def test_files_folders_and_arrays_are_answered_alike(picture_run, folder, make_pictures) -> None:
    x, _ = make_pictures(12, seed=7)
    files = sorted(folder.iterdir())
    sources = [folder, files, [str(file) for file in files], x, x[..., None], torch.from_numpy(x)]
    answers = [firesteel.predict(picture_run, source).frame["proba_left"] for source in sources]
    assert all(other.equals(answers[0]) for other in answers[1:])


def test_a_picture_is_answered_alike_alone_and_among_others(picture_run, folder) -> None:
    together = firesteel.predict(picture_run, folder).frame["proba_left"]
    alone = [firesteel.predict(picture_run, file).frame["proba_left"][0] for file in sorted(folder.iterdir())]
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("form", [(8, 8, 1), (6, 9, 3)], ids=["grey", "RGB"])
@pytest.mark.parametrize("net", ["conv", "resnet", "mlp", "linear"])
def test_the_plain_torch_net_gives_the_same_answers(make_pictures, quick, net, form) -> None:
    x, y = make_pictures(form=form)
    model = firesteel.fit(x, y, net=net, **quick)
    batch = model.encode(x)
    with torch.no_grad():
        proba = model.net(torch.from_numpy(batch.x_num), torch.from_numpy(batch.x_cat))
    np.testing.assert_allclose(proba, model.predict(x).proba, atol=1e-6)


@pytest.mark.parametrize("net", ["conv", "resnet", "mlp", "linear"])
def test_a_run_that_is_read_back_gives_the_same_bits(make_pictures, quick, tmp_path, net) -> None:
    x, y = make_pictures()
    model = firesteel.fit(x, y, net=net, output=tmp_path / "run", **quick)
    np.testing.assert_array_equal(firesteel.load(tmp_path / "run").predict(x).proba, model.predict(x).proba)


def test_the_command_line_answers_several_files_and_folders(say, picture_run, folder) -> None:
    files = sorted(folder.iterdir())
    said = say("predict", picture_run, files[0], files[1], folder)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].split() == ["file", "target", "proba_left", "proba_right"]
    assert lines[1].lstrip().startswith("…")  # the folder's name is long
    assert lines[1].split()[0].endswith("/flat/000.png")
    assert lines[1].split()[1] == "left"
    assert max(map(len, lines)) <= 80
    assert "... 14 rows; -o answers.csv writes all of them" in said.out


def test_json_holds_every_answer(say, picture_run, folder) -> None:
    record = json.loads(say("predict", picture_run, folder, "--json").out)
    assert record["n_rows"] == len(record["rows"]) == 12
    assert record["rows"][0]["target"] == "left"


def test_show_writes_a_sheet_beside_the_answers(say, picture_run, folder, tmp_path) -> None:
    place = tmp_path / "answers.csv"
    said = say("predict", picture_run, folder, "-o", place, "--show")
    assert said.code == 0
    assert f"the pictures with their answers: {tmp_path / 'answers.png'}" in said.out
    assert pl.read_csv(place).height == 12
    with Image.open(tmp_path / "answers.png") as sheet:
        assert sheet.format == "PNG"
        assert min(sheet.size) > 100


def test_show_without_output_writes_beside_the_user(say, picture_run, folder, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert say("predict", picture_run, folder, "--show").code == 0
    assert (tmp_path / "answers.png").is_file()
    assert not (tmp_path / "answers.csv").exists()


@pytest.mark.parametrize("standing", ["answers.csv", "answers.png"])
def test_nothing_is_replaced_unasked_and_nothing_half_written(say, picture_run, folder, tmp_path, standing) -> None:
    (tmp_path / standing).write_text("mine")
    words = ("predict", picture_run, folder, "-o", tmp_path / "answers.csv", "--show")
    assert say(*words).code == 2
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == [standing]
    assert (tmp_path / standing).read_text() == "mine"
    assert say(*words, "--force").code == 0


def test_a_sheet_of_a_regression_is_refused_before_anything_is_written(make_pictures, quick, tmp_path) -> None:
    x, _ = make_pictures()
    model = firesteel.fit(x, x.mean((1, 2)) / 7, **quick)
    with pytest.raises(RecipeError, match="probabilities of classes"):
        firesteel.predict(model, x, output=tmp_path / "answers.csv", sheet=tmp_path / "sheet.png")
    assert not list(tmp_path.iterdir())


def test_a_sheet_of_columns_is_refused(finished_run, make_rows, tmp_path) -> None:
    with pytest.raises(RecipeError, match="a sheet shows pictures"):
        firesteel.predict(finished_run, make_rows(n=5), sheet=tmp_path / "sheet.png")


MODES = {
    "alpha": lambda one: Image.fromarray(np.dstack([one] * 3 + [np.full_like(one, 255)])),
    "rgb": lambda one: Image.fromarray(np.dstack([one] * 3)),
    "palette": lambda one: Image.fromarray(one).convert("P"),
    "cmyk": lambda one: Image.fromarray(np.dstack([one] * 3)).convert("CMYK"),
    "16 bits": lambda one: Image.fromarray(one.astype(np.uint16) * 257),
    "larger": lambda one: Image.fromarray(np.kron(one, np.ones((5, 5), np.uint8))),
    "wider": lambda one: Image.fromarray(np.pad(one, ((0, 0), (4, 4)))),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_of_another_size_or_mode_is_fitted(picture_run, one, tmp_path, mode) -> None:
    place = tmp_path / f"picture.{'tif' if mode in ('cmyk', '16 bits') else 'png'}"
    MODES[mode](one).save(place)
    answers = firesteel.predict(picture_run, place)
    assert answers.frame["target"].to_list() == ["left"]
    is_fitted = any("fitted to 8 x 8" in notice for notice in answers.notices)
    assert is_fitted == (mode in ("larger", "wider"))


def test_a_single_pixel_is_answered(picture_run, tmp_path) -> None:
    Image.new("L", (1, 1), 20).save(tmp_path / "one.png")
    answers = firesteel.predict(picture_run, tmp_path / "one.png")
    assert answers.n_rows == 1
    assert "fitted to 8 x 8" in answers.notices[0]


def test_negatives_are_turned_and_said(picture_run, make_pictures) -> None:
    x, _ = make_pictures(12, seed=7)
    plain, turned = firesteel.predict(picture_run, x), firesteel.predict(picture_run, 255 - x)
    assert turned.frame["proba_left"].equals(plain.frame["proba_left"])
    assert plain.notices == ()
    assert turned.notices == ("12 pictures with a background unlike training's, which was dark: read as the negative",)


def test_a_broken_file_is_left_out_and_named(picture_run, folder) -> None:
    (folder / "broken.png").write_bytes(b"\x89PNG")
    answers = firesteel.predict(picture_run, folder)
    assert answers.n_rows == 12
    assert any("'broken.png'" in notice for notice in answers.notices)


@pytest.mark.parametrize("name", ["nothing.png", "nothing", "nothing.csv"])
def test_a_picture_that_is_not_there(say, picture_run, tmp_path, name) -> None:
    said = say("predict", picture_run, tmp_path / name)
    assert (said.code, said.out) == (2, "")
    assert "there is no" in said.err
    assert f"'{tmp_path / name}'" in said.err


def test_a_table_is_no_picture(picture_run, make_rows, tmp_path) -> None:
    make_rows().write_csv(tmp_path / "rows.csv")
    with pytest.raises(DataError):
        firesteel.predict(picture_run, tmp_path / "rows.csv")


def test_a_picture_is_no_table(finished_run, folder) -> None:
    with pytest.raises(DataError):
        firesteel.predict(finished_run, min(folder.iterdir()))


def test_a_place_that_cannot_be_written_is_named(picture_run, folder, tmp_path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        firesteel.predict(picture_run, folder, output=tmp_path / "nowhere" / "answers.csv")
