"""`firesteel data` on pictures: their form, their classes, and which are nearly equal."""

from __future__ import annotations

import json
import shutil

from firesteel import api


def test_counts_classes_and_pictures(say, make_pictures_folder, tmp_path) -> None:
    said = say("data", make_pictures_folder(tmp_path / "sides", 21))
    assert (said.code, said.err) == (0, "")
    assert f"{tmp_path / 'sides'}: 21 pictures" in said.out
    assert "11 'left', 10 'right'" in said.out
    assert "8 x 8, grey; 21 different ones" in said.out


def test_counts_pictures_that_are_equal(make_pictures_folder, tmp_path) -> None:
    folder = make_pictures_folder(tmp_path / "sides", 20)
    for i in range(3):
        shutil.copy(folder / "left" / "000.png", folder / "left" / f"again{i}.png")
    look = api.data(folder)
    assert (look.n_rows, look.n_equal) == (23, 3)


def test_offers_a_command_that_works(say, make_pictures_folder, tmp_path, monkeypatch) -> None:
    make_pictures_folder(tmp_path / "my sides")
    monkeypatch.chdir(tmp_path)
    hint = say("data", "my sides").out.splitlines()[-1].removeprefix("Next: ")
    assert hint == "firesteel fit 'my sides'"
    assert say("fit", "my sides", "--epochs", 2, "--members", 1, "--no-baselines", "--net", "linear").code == 0
    assert (tmp_path / "runs" / "my sides").is_dir()


def test_pictures_without_labels_are_looked_over_too(say, make_pictures_folder, tmp_path) -> None:
    said = say("data", make_pictures_folder(tmp_path / "flat", 10, is_sorted=False))
    assert said.code == 0
    assert "flat: 10 pictures" in said.out
    assert "--labels FILE.csv" in " ".join(said.out.split())


def test_a_set_s_own_test_pictures_are_counted_apart(say, make_pictures_folder, tmp_path) -> None:
    make_pictures_folder(tmp_path / "set" / "train", 20)
    make_pictures_folder(tmp_path / "set" / "test", 6, seed=4)
    record = json.loads(say("data", tmp_path / "set", "--json").out)
    assert record["n_rows"] == 20
    assert record["notices"] == ["6 more are the set's own test pictures"]


def test_one_class_is_told_to_have_another(say, make_pictures_folder, tmp_path) -> None:
    folder = make_pictures_folder(tmp_path / "sides", 10)
    shutil.rmtree(folder / "right")
    said = say("data", folder)
    assert said.code == 2
    assert "all 5 are 'left'" in said.err
