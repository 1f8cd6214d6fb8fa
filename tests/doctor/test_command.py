"""`firesteel doctor`: words, exit codes, what is printed where."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from firesteel.cli.doctor import fence

SICK = """
import sys
import torch
from torch import nn
print("given", sys.argv[1:])
torch.manual_seed(0)
x, y = torch.randn(32, 3), torch.randint(0, 3, (32,))
net = nn.Sequential(nn.Linear(3, 3), nn.Softmax(1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(6):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
"""


@pytest.fixture
def sick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "train.py"
    path.write_text(SICK, encoding="utf-8")
    return path


def test_a_finding_ends_with_1_and_shows_line_evidence_and_fix(sick: Path, say) -> None:
    said = say("doctor", sick, "--only", "L01")
    assert said.code == 1
    assert "1 error in train.py" in said.out
    assert "error L01  train.py:8:" in said.out
    assert "^^^^^^^^^^^^^" in said.out
    for part in ("  seen   ", "  why    ", "  fix    "):
        assert part in said.out


def test_nothing_found_ends_with_0(sick: Path, say) -> None:
    said = say("doctor", sick, "--only", "L02")
    assert said.code == 0
    assert "nothing found in train.py" in said.out
    assert "L02  passed" in said.out


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = (", 2),
        ("import sys\nsys.exit(3)", 2),
        ("1 / 0", 2),
        ("x = 1", 0),
        (f"{SICK}1 / 0", 1),
        ("raise KeyboardInterrupt", 130),
    ],
)
def test_a_script_that_fails_before_its_first_step_ends_with_2(sick: Path, text: str, code: int, say) -> None:
    sick.write_text(text, encoding="utf-8")
    said = say("doctor", "--json", sick)
    assert said.code == code
    assert json.loads(said.out)["script_exit"] == {2: 1, 1: 1}.get(code, code) if "exit(3)" not in text else 3


def test_the_end_says_it_again_in_one_line(sick: Path, say) -> None:
    lines = say("doctor", sick, "--only", "L01,S11").out.splitlines()
    assert lines[-1] == "1 error: L01 line 8; explain: firesteel explain L01"
    sick.write_text("import torch\n" + "torch.nn.Sigmoid(torch.ones(2))\n" * 12, encoding="utf-8")
    last = say("doctor", sick, "--only", "A03").out.splitlines()[-1]
    assert last == "12 errors: A03 line 2, A03 line 3 and 10 more; explain: firesteel explain A03"
    assert len(last) <= 80


def test_the_report_lies_where_it_was_asked_for_wherever_the_script_goes(sick: Path, say) -> None:
    (sick.parent / "sub").mkdir()
    sick.write_text(f"import os\nos.chdir('sub')\n{SICK}", encoding="utf-8")
    said = say("doctor", sick.name, "-o", "report.json", "--only", "L01")
    assert "error L01  train.py:10:" in said.out
    (finding,) = json.loads(sick.with_name("report.json").read_text(encoding="utf-8"))["findings"]
    assert finding["file"] == str(sick)
    assert list((sick.parent / "sub").iterdir()) == []


def test_a_module_is_found_from_the_working_folder(sick: Path, say) -> None:
    package = sick.parent / "found_from_here"
    package.mkdir()
    (package / "__init__.py").write_text("print('package')", encoding="utf-8")
    (package / "train.py").write_text(f"parser = ['--steps']\n{SICK}", encoding="utf-8")
    said = say("doctor", "--only", "L01", "-m", "found_from_here.train", "--steps", "2")
    assert said.code == 1
    assert said.out.startswith("package\ngiven ['--steps', '2']\n")
    assert "found_from_here/train.py:9:" in said.out


def test_folders_of_a_module_need_no_init_file(sick: Path, say) -> None:
    inner = sick.parent / "plain_folder" / "inner"
    inner.mkdir(parents=True)
    sick.rename(inner / "train.py")
    said = say("doctor", "--only", "L01", "-m", "plain_folder.inner.train")
    assert "plain_folder/inner/train.py:8:" in said.out
    assert "Try: firesteel doctor -m plain_folder.inner.train" in say("doctor", "-m", "plain_folder.inner.trian").err


def test_an_interrupt_outside_the_script_is_said(sick: Path, say, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("firesteel.api.doctor", interrupt)
    said = say("doctor", sick)
    assert said.code == 130
    assert said.err == f"interrupted: nothing was judged in {sick}\n"


def test_words_behind_the_script_are_the_scripts(sick: Path, say) -> None:
    said = say("doctor", "--only", "L01", sick, "--lr", "0.1", "-v", "more")
    assert "given ['--lr', '0.1', '-v', 'more']" in said.out


def test_json_stands_alone_on_standard_output(sick: Path) -> None:
    command = [sys.executable, "-m", "firesteel", "doctor", "--json", str(sick)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    record = json.loads(done.stdout)
    assert done.returncode == 1
    assert "given []" in done.stderr
    assert {"findings", "rules", "script_exit", "seconds"} <= set(record)
    finding = next(one for one in record["findings"] if one["rule"] == "L01")
    assert {"rule", "level", "file", "line", "column", "message", "evidence", "fix"} <= set(finding)
    assert (finding["level"], finding["line"]) == ("E", 8)
    assert {one["outcome"] for one in record["rules"]} <= {"finding", "passed", "not applicable"}


def test_sarif_names_rule_and_line(sick: Path, say) -> None:
    record = json.loads(say("doctor", "--sarif", sick, "--only", "L01").out)
    (run,) = record["runs"]
    (result,) = run["results"]
    assert record["version"] == "2.1.0"
    assert result["ruleId"] == "L01"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "train.py"
    assert place["region"]["startLine"] == 8
    assert [one["id"] for one in run["tool"]["driver"]["rules"]] == ["L01"]


@pytest.mark.parametrize("ending", [".html", ".json", ".sarif", ".txt"])
def test_a_report_is_written_where_it_is_asked_for(sick: Path, ending: str, say) -> None:
    report = sick.with_name(f"report{ending}")
    said = say("doctor", sick, "-o", report)
    assert f"the report is in {report}" in said.out
    assert "L01" in report.read_text(encoding="utf-8")


def test_static_runs_nothing(sick: Path, say) -> None:
    said = say("doctor", "--static", sick)
    assert "given" not in said.out
    assert "only the source was looked at" in said.out


def test_files_that_cannot_be_read_whole_are_said(tmp_path: Path, say) -> None:
    (tmp_path / "a.py").write_bytes(b"\xff\xfe\x00bad")
    (tmp_path / "b.py").write_text("import torch\ndef f(:", encoding="utf-8")
    (tmp_path / "c.py").write_text("", encoding="utf-8")
    said = " ".join(say("doctor", "--static", tmp_path).out.split())
    assert "a.py: it is no Python text" in said
    assert "b.py: a syntax error on line 2: only what stands before it was looked at" in said
    assert "c.py" not in said
    assert "nothing found" in said


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (b"import torch\ndef f(:", "a syntax error on line 2"),
        (
            b"x = 1\n# caf\xe9",
            "it is not UTF-8 on line 2: save it as UTF-8, or put # coding: latin-1 on its first line",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_not_called_healthy(sick: Path, raw: bytes, cause: str, say) -> None:
    sick.write_bytes(raw)
    said = say("doctor", "--static", sick)
    assert said.code == 2
    assert said.out.startswith("nothing could be judged in train.py: the source could not be read whole\n")
    assert cause in " ".join(said.out.split())
    assert "passed" not in said.out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--steps", "5", "t.py", "a"], ["--steps", "5", "--", "t.py", "a"]),
        (["t.py", "--json", "a"], ["--json", "--", "t.py", "a"]),
        (["t.py", "--only=L", "--lr", "1"], ["--only=L", "--", "t.py", "--lr", "1"]),
        (["t.py", "a", "--", "--json", "b"], ["--", "t.py", "a", "--json", "b"]),
        (["-m", "package.train", "-x"], ["-m", "--", "package.train", "-x"]),
        (["--json"], ["--json"]),
        ([], []),
    ],
)
def test_the_doctors_words_are_told_from_the_scripts(words: list[str], expected: list[str]) -> None:
    assert fence(words) == expected


def test_a_word_that_the_script_knows_is_the_scripts(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("parser.add_argument('--steps', type=int)", encoding="utf-8")
    assert fence([str(script), "--steps", "5"]) == ["--", str(script), "--steps", "5"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch.py"], "a script must be there; there is no file 'nosuch.py'."),
        (["trian.py"], "Try: firesteel doctor train.py"),
        (["."], "a script is a file; '.' is a folder."),
        (["nosuch.py"], "Try: firesteel doctor --help"),
        (["--static", "trian.py"], "Try: firesteel doctor --static train.py"),
        (["-m", "no.such.module"], "behind -m stands a module"),
        (["-m", "no.such.module"], "Try: firesteel doctor --help"),
        (["-m", "train.py"], "Try: firesteel doctor train.py"),
        (["-m", "trian"], "Try: firesteel doctor -m train"),
        (
            ["train.py", "--only", "O01", "--ignore", "O"],
            "at least one rule must be left; --only O01 --ignore O leaves",
        ),
        (["--static", "train.py", "--only", "O01"], "Try: --static --only A01,"),
        (["train.py", "--only", "X1"], "a rule is named by its id (O01) or its group (O); 'X1' is neither."),
        (["train.py", "--time", "soon"], "a time is a number with s, m or h; --time is 'soon'."),
        (["train.py", "--steps", "0"], "at least one step is watched; --steps is 0."),
        (["train.py", "--json", "--sarif"], "one form is printed; --json and --sarif were given."),
        (["train.py", "-o", "report.doc"], "a report's file ends with .html, .json, .sarif, .txt; 'report.doc'."),
        (["train.py", "-o", "no/such/folder/report.html"], "a report needs a file that can be written"),
        ([], "requires an argument"),
    ],
)
def test_wrong_words_are_told_before_anything_runs(sick: Path, words: list[str], said: str, say) -> None:
    answer = say("doctor", *words)
    assert answer.code == 2
    assert said in answer.err
    assert "Try: " in answer.err
    assert "given" not in answer.out
