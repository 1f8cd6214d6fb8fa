"""`firesteel gallery`: the list, one entry, the check."""

from __future__ import annotations

import json

import firesteel


def test_the_list_is_a_path_with_every_entry(say):
    said = say("gallery")
    assert said.code == 0
    assert said.out.index("nudge-3x") < said.out.index("colours-hidden") < said.out.index("digits-cnn")
    assert "also line-numpy" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_the_list_as_json(say):
    records = json.loads(say("gallery", "--json").out)
    assert records[0]["id"] == "nudge-3x"


def test_one_entry_prints_question_answer_and_bars_and_leaves_a_run(say, tmp_path):
    said = say("gallery", "run", "fit-c", "-o", tmp_path / "run")
    assert said.code == 0
    assert "c: 2.99857 (2.99857 ± 1e-05)" in said.out
    assert f"firesteel show {tmp_path / 'run'}" in said.out
    assert firesteel.load(tmp_path / "run").report.terms[1].name == "x"


def test_an_earlier_run_is_not_replaced_unasked(say, tmp_path):
    say("gallery", "run", "fit-c", "-o", tmp_path / "run")
    again = say("gallery", "run", "fit-c", "-o", tmp_path / "run")
    assert again.code == 2
    assert "--force" in again.err


def test_runs_of_an_entry_lie_side_by_side(say, tmp_path):
    assert say("gallery", "run", "line-3x", "-o", tmp_path / "run").code == 0
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"plain", "bias"}


def test_the_check_states_each_entry_and_sums_up(say):
    said = say("gallery", "check", "fit-c", "tensor-tour", "document-qa", "--seeds", "2")
    assert said.code == 0
    assert "ok     fit-c seed 1" in said.out
    assert "not applicable because it needs the weights" in " ".join(said.out.split())
    assert "4 reached, 0 missed, 2 not applicable" in said.out


def test_the_check_as_json(say):
    records = json.loads(say("gallery", "check", "fit-c", "--json").out)
    assert records[0]["reached"][0]["is_met"] is True


def test_a_missed_bar_ends_with_1(say, monkeypatch):
    from firesteel.gallery.measuring import MEASURES

    monkeypatch.setitem(MEASURES, "weight", lambda *_: 2.0)
    said = say("gallery", "check", "fit-c")
    assert said.code == 1
    assert "MISSED" in said.out
    assert "<- missed" in said.out
    assert "1 missed" in said.out


def test_words_that_are_wrong_are_told(say):
    for words, found in {
        ("run",): "0 were given",
        ("run", "fit-c", "line-3x"): "2 were given",
        ("run", "fit-d"): "fit-c",
        ("check", "fit-c", "--seeds", "0"): "seeds is 0",
        ("run", "fit-c", "--seeds", "2"): "--seeds is 2",
        ("list", "fit-c"): "'fit-c' was given",
        ("runn", "fit-c"): "runn",
    }.items():
        said = say("gallery", *words)
        assert said.code == 2, words
        assert found in said.err, words


def test_the_pictures_of_a_tour_are_saved_and_not_replaced_unasked(say, tmp_path):
    said = say("gallery", "run", "picture-as-matrix", "-o", tmp_path / "run")
    assert said.code == 0
    assert (tmp_path / "run" / "zeros-and-ones.png").read_bytes().startswith(b"\x89PNG")
    again = say("gallery", "run", "picture-as-matrix", "-o", tmp_path / "run")
    assert (again.code, "--force" in again.err) == (2, True)


def test_the_lines_of_a_tour_are_shown_as_they_can_be_typed(say, tmp_path):
    said = say("gallery", "run", "autograd-tour", "-o", tmp_path / "run")
    code = said.out[said.out.index("    import torch") : said.out.index("    -> 12, 108")]
    names = {}
    exec("\n".join(line.strip() for line in code.splitlines()), names)
    assert names["x"].grad.tolist() == [12, 108]


def test_a_data_folder_that_is_not_there_is_told(say, tmp_path):
    said = say("gallery", "check", "fit-c", "--data-dir", tmp_path / "nope")
    assert (said.code, "nope" in said.err) == (2, True)


def test_a_run_that_was_cut_short_is_not_counted(say, monkeypatch):
    from firesteel.training import loop

    def stop_at_once(self):
        self.interrupt.set()
        return True

    monkeypatch.setattr(loop.Loop, "run_epoch", stop_at_once)
    said = say("gallery", "check", "fit-c")
    assert said.code == 130
    assert "ok" not in said.out
