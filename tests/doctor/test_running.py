"""A script under the doctor behaves as under Python, however it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firesteel.doctor.stopping import StopWatching, stop_after

TRAIN = """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(32, 3), torch.randn(32, 1)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
def step():
    optimizer.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss.item()
"""


def outcome_of(diagnosis, rule: str) -> str:
    return next(one.outcome for one in diagnosis.outcomes if one.rule == rule)


def test_argv_name_folder_and_path_are_the_scripts(tmp_path: Path, capsys, diagnose, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.py").write_text("word = 'found'", encoding="utf-8")
    diagnose(
        """
        import os, sys, beside
        print([__name__, os.path.basename(sys.argv[0]), sys.argv[1:], beside.word, os.path.basename(__file__)])
        print(sys.path[0] == os.path.dirname(os.path.abspath(__file__)), os.getcwd() == sys.path[0])
        assert sys.modules["__main__"].word is word if (word := 1) else None
        """,
        args=["a", "--b"],
    )
    out = capsys.readouterr().out
    assert "['__main__', 'script.py', ['a', '--b'], 'found', 'script.py']" in out
    assert "True True" in out


def test_argv_and_path_are_put_back(diagnose) -> None:
    before = sys.argv[:], sys.path[:], sys.modules["__main__"]
    diagnose("import sys; sys.path.append('x'); sys.argv.append('y')")
    assert (sys.argv[:], sys.path[:], sys.modules["__main__"]) == before


@pytest.mark.parametrize(("end", "code"), [("sys.exit(3)", 3), ("sys.exit()", 0), ("sys.exit('words')", 1)])
def test_an_exit_status_is_kept(end: str, code: int, diagnose, capsys) -> None:
    diagnosis = diagnose(f"import sys\n{end}")
    assert diagnosis.script_exit == code
    assert ("words" in capsys.readouterr().err) == ("words" in end)


def test_an_exception_is_printed_as_python_prints_it(diagnose, capsys) -> None:
    diagnosis = diagnose("def f():\n    raise ValueError('mine')\nf()")
    err = capsys.readouterr().err
    assert diagnosis.script_exit == 1
    assert "ValueError: mine" in diagnosis.stopped
    assert err.startswith('Traceback (most recent call last):\n  File "')
    assert "script.py" in err.splitlines()[1]
    assert "running.py" not in err


def test_no_frame_of_the_doctor_is_printed(diagnose, capsys) -> None:
    diagnose(
        "import torch\ntry:\n    torch.ones(3) @ torch.ones(4)\nexcept RuntimeError as e:\n    raise ValueError from e"
    )
    files = [line.split('"')[1] for line in capsys.readouterr().err.splitlines() if line.startswith('  File "')]
    assert [Path(one).name for one in files] == ["script.py", "script.py"]


def test_steps_before_an_exception_were_seen(diagnose) -> None:
    diagnosis = diagnose(TRAIN + "step(); step()\n1 / 0")
    assert diagnosis.seen["steps"] == 2


def test_a_script_that_never_trains_is_told_so(diagnose) -> None:
    diagnosis = diagnose("import torch\nprint(torch.nn.Linear(2, 1)(torch.ones(1, 2)))")
    said = " ".join(str(diagnosis).split())
    assert said.startswith("nothing could be judged in ")
    assert "script.py: no optimizer step was seen; 1 note seen: 0 steps, 0 backwards, 1 forward" in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = (", "the script ended with SyntaxError before its first step"),
        ("import sys\nsys.exit(3)", "the script ended with exit status 3 before its first step"),
        ("raise EOFError('a\\nb: c')", "the script ended with EOFError before its first step"),
        ("raise KeyboardInterrupt", "the script was interrupted before its first step"),
        ("import time\ntime.sleep(9)", "--time was over before the first step"),
        (TRAIN, "no optimizer step was seen"),
        (TRAIN + "((net(x) - y) ** 2).mean().backward()\n1 / 0", "the script ended with ZeroDivisionError before"),
        (TRAIN + "step()\n1 / 0", ""),
        (TRAIN + "for _ in range(3): ((net(x) - y) ** 2).mean().backward()", ""),
    ],
)
def test_a_run_without_a_step_is_not_called_healthy(text: str, reason: str, diagnose) -> None:
    diagnosis = diagnose(text, ignore=["O", "D"], time_s=1.0 if "sleep" in text else None)
    assert diagnosis.unjudged.startswith(reason)
    assert diagnosis.to_dict()["unjudged"] == diagnosis.unjudged
    assert ("nothing could be judged" in str(diagnosis)) == bool(reason)


def test_a_finding_stands_before_what_could_not_be_judged(diagnose) -> None:
    diagnosis = diagnose("import torch\nx = torch.nn.Sigmoid(torch.ones(2))")
    said = " ".join(str(diagnosis).split())
    assert said.startswith("1 error")
    assert "nothing more could be judged: the script ended with TypeError before its first step" in said


def test_rules_of_the_source_need_no_step(diagnose) -> None:
    assert diagnose("x = 1", only=["A01"]).unjudged == ""


def test_names_and_folder_are_pythons_when_the_path_is_relative(
    tmp_path: Path, capsys, monkeypatch, examine_patient
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    path = tmp_path / "script.py"
    path.write_text(
        f"import os, sys\n{TRAIN}\nprint(sys.argv[0], __file__)\nos.chdir(os.path.dirname(__file__))\n"
        "os.chdir('sub')\nwhile True: optimizer.step()\n",
        encoding="utf-8",
    )
    diagnosis = examine_patient("script.py", steps=3)
    assert capsys.readouterr().out == f"script.py {path}\n"
    assert Path.cwd() == tmp_path
    assert diagnosis.findings
    assert {one.path for one in diagnosis.findings} == {str(path)}


@pytest.mark.parametrize("change", ["os.remove(path)", "open(path, 'w').write('\\n' * 40)"])
@pytest.mark.parametrize("name", ["script.py", "beside.py"])
def test_a_file_that_changes_meanwhile_is_shown_as_it_was(
    change: str, name: str, tmp_path: Path, monkeypatch, examine_patient
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "beside", raising=False)
    net = "import torch\nnet = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Softmax(1))\n"
    (tmp_path / "beside.py").write_text(net, encoding="utf-8")
    head = net if name == "script.py" else "import torch\nfrom beside import net\n"
    loop = """
import os
path = os.path.join(os.path.dirname(__file__), "NAME")
CHANGE
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(4):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(torch.ones(4, 3)), torch.zeros(4, dtype=torch.long)).backward()
    optimizer.step()
"""
    path = tmp_path / "script.py"
    path.write_text(head + loop.replace("NAME", name).replace("CHANGE", change), encoding="utf-8")
    (finding,) = examine_patient(path, only=["L01"]).findings
    assert (Path(finding.path).name, finding.line) == (name, 2)
    assert finding.source == net.splitlines()[1]
    assert "+ net = torch.nn.Sequential(torch.nn.Linear(3, 3))" in finding.fix


@pytest.mark.parametrize("place", ["# caf\xe9\n\nx = 1", "x = 1\n\ny = 'caf\xe9'"])
def test_letters_that_python_refuses_are_refused(place: str, tmp_path: Path, capsys, examine_patient) -> None:
    path = tmp_path / "latin.py"
    path.write_bytes(place.encode("latin-1"))
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    assert examine_patient(path).script_exit == 1
    assert capsys.readouterr().err == done.stderr
    path.write_bytes(b"# coding: latin-1\n" + place.encode("latin-1"))
    assert examine_patient(path).script_exit == 0


def test_it_stops_after_so_many_steps(diagnose) -> None:
    diagnosis = diagnose(TRAIN + "while True: step()", steps=7)
    assert (diagnosis.seen["steps"], diagnosis.stopped) == (7, "steps")


def test_it_stops_after_so_much_time_even_if_all_is_caught(diagnose) -> None:
    text = TRAIN + "\nwhile True:\n    try:\n        step()\n    except Exception:\n        pass"
    diagnosis = diagnose(text, time_s=0.5)
    assert diagnosis.stopped == "time"
    assert diagnosis.seconds < 5


def test_it_is_not_stopped_where_nothing_can_be_raised() -> None:
    def wait(seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass

    class Slow:
        def __del__(self) -> None:
            wait(0.1)

    def run() -> None:
        with stop_after(0.2):  # in the second __del__
            for _ in range(4):
                Slow()
                wait(0.05)

    with pytest.raises(StopWatching):
        run()


def test_all_is_put_back(diagnose) -> None:
    import torch

    places = [
        (torch.nn.Module, "__call__"), (torch.nn.Module, "__init__"), (torch.autograd, "backward"),
        (torch.optim.Optimizer, "zero_grad"), (torch.utils.data.DataLoader, "__iter__"), (torch, "from_numpy"),
        (torch.autograd.Function, "apply"), (torch, "compile"), (torch.no_grad, "__enter__"), (torch, "manual_seed"),
    ]  # fmt: skip
    before = [vars(owner).get(name) for owner, name in places]
    diagnose(TRAIN + "step()")
    assert [vars(owner).get(name) for owner, name in places] == before
    assert torch._C._len_torch_function_stack() == 0


def test_what_a_script_patches_stays_patched(diagnose) -> None:
    import torch

    before = torch.from_numpy
    diagnose(
        "import torch\nold = torch.from_numpy\ndef mine(a):\n    return old(a)\ntorch.from_numpy = mine\n"
        + TRAIN
        + "step()"
    )
    assert torch.from_numpy.__name__ == "mine"
    torch.from_numpy = before


def test_a_watch_inside_a_watched_script_says_so(diagnose, capsys) -> None:
    diagnosis = diagnose(
        "import firesteel\n"
        + TRAIN
        + "with firesteel.watch() as seen:\n    step()\nprint(seen.report)\nprint(seen._repr_html_())"
    )
    note = "note: a doctor was watching already: what was found here stands in its report"
    assert capsys.readouterr().out == f"{note}\n<p class='muted'>{note}</p>\n"
    assert diagnosis.seen["steps"] == 1


def test_a_script_that_imports_the_doctor_runs(diagnose) -> None:
    diagnosis = diagnose("import firesteel.doctor\nfrom firesteel.doctor import examine\n" + TRAIN + "step()")
    assert (diagnosis.script_exit, diagnosis.seen["steps"]) == (0, 1)


def test_a_compiled_net_is_run_uncompiled(diagnose) -> None:
    text = TRAIN.replace("net = nn.Linear(3, 1)", "net = torch.compile(nn.Linear(3, 1))") + "step()"
    text += "\nassert list(net.state_dict()) == ['_orig_mod.weight', '_orig_mod.bias'], net.state_dict()"
    text += "\nassert net._orig_mod.weight is net.weight and net.eval().training is net._orig_mod.training is False"
    diagnosis = diagnose(text)
    assert (diagnosis.script_exit, diagnosis.seen["steps"], diagnosis.seen["forwards"]) == (0, 1, 1)
    assert any("torch.compile was left out" in note for note in diagnosis.notes)


def run_command(path: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "firesteel", "doctor", *words, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, input=stdin, cwd=path.parent)


def test_a_scripted_class_finds_the_names_of_its_module(tmp_path: Path, examine_patient) -> None:
    path = tmp_path / "scripted.py"
    path.write_text("""
import torch

@torch.jit.script
def doubled(x: torch.Tensor) -> torch.Tensor:
    return 2 * x

@torch.jit.script
class Doubling:
    def __init__(self) -> None:
        self.n = 0

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return doubled(x)

print(Doubling().apply(torch.ones(1)))
""")
    assert examine_patient(path).script_exit == 0


def test_a_syntax_error_is_said_in_pythons_words(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("import torch\nnet = torch.nn.Linear(2, 1)\nfor i in range(3)\n    pass\n", encoding="utf-8")
    done = run_command(path)
    assert "SyntaxError: expected ':'" in done.stderr
    assert "doctor/" not in done.stderr
    assert "the script ended with SyntaxError: expected ':'" in " ".join(done.stdout.split())
    assert done.returncode == 2


def test_a_script_that_needs_arguments_says_so_itself(tmp_path: Path) -> None:
    path = tmp_path / "needs.py"
    path.write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('data')\np.parse_args()", encoding="utf-8"
    )
    done = run_command(path)
    assert "the following arguments are required: data" in done.stderr
    assert "usage: needs.py" in done.stderr
    assert "exit status 2" in " ".join(done.stdout.split())


def test_input_reaches_the_script(tmp_path: Path) -> None:
    path = tmp_path / "asks.py"
    path.write_text("print('got', input())", encoding="utf-8")
    assert "got hello" in run_command(path, stdin="hello\n").stdout


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_run_unwatched(tmp_path: Path, method: str) -> None:
    path = tmp_path / "spread.py"
    text = """
import multiprocessing as mp
import torch
def work(i):
    return float(torch.nn.Linear(2, 1)(torch.ones(1, 2)).detach().sum() * 0 + i)
if __name__ == "__main__":
    with mp.get_context("METHOD").Pool(2) as pool:
        print("sum", sum(pool.map(work, range(4))))
"""
    path.write_text(text.replace("METHOD", method), encoding="utf-8")
    done = run_command(path)
    assert "sum 6.0" in done.stdout, done.stderr
    assert "flaw" not in done.stdout


def test_a_module_runs_as_behind_dash_m(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "train.py").write_text(TRAIN + "step()\nprint(__name__, __package__)", encoding="utf-8")
    command = [sys.executable, "-m", "firesteel", "doctor", "--json", "-m", "package.train"]
    environment = {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert "__main__ package" in done.stderr
    assert json.loads(done.stdout)["seen"]["steps"] == 1
