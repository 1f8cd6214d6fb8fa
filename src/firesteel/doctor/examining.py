"""From a script, a block or a file to a diagnosis."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from firesteel.doctor.diagnosis import Diagnosis
from firesteel.doctor.facts import Facts
from firesteel.doctor.judging import choose_rules, judge
from firesteel.doctor.rules import Rule
from firesteel.doctor.running import run_script
from firesteel.doctor.shields import Failure
from firesteel.doctor.source import Source
from firesteel.doctor.texts import kept_texts
from firesteel.doctor.watching import Watch, is_watching


def examine(
    target: str | Path, args: Sequence[str] = (), *, is_module: bool = False, steps: int | None = None,
    time_s: float | None = None, only: Collection[str] = (), ignore: Collection[str] = (), probes: bool = True,
) -> Diagnosis:  # fmt: skip
    """Runs a script as `python target args...` would and judges what was seen.

    Args:
        target: the script's path; with `is_module` the name of a module, as behind `python -m`.
        args: what stands behind it.
        steps: stop the script after so many optimizer steps.
        time_s: stop the script after so many seconds.
        only: rules or groups of rules ("O01", "O"); all, if none are named.
        ignore: rules or groups that are left out.
        probes: replays of captured steps are allowed.
    """
    rules = choose_rules(only, ignore)
    script = None if is_module else str(Path(target).absolute())
    watch = Watch(script=script, most_steps=steps)
    with _here(), kept_texts(script or str(target)):
        ended, seconds = run_script(str(target), args, watch, is_module=is_module, limit_s=time_s)
        if is_module:
            watch.facts.script = ended.variables.get("__file__")
        return diagnose(
            watch.facts, watch.failures, rules=rules, probes=probes, seconds=seconds, script_exit=ended.code,
            script=str(target),
        )  # fmt: skip


@contextmanager
def _here() -> Iterator[None]:
    """Behind the block the working folder is what it was; a replay may still read what the script's own holds."""
    folder = Path.cwd()
    try:
        yield
    finally:
        with suppress(OSError):  # the script took it away
            os.chdir(folder)


def diagnose(
    facts: Facts, failures: dict[str, Failure], *, rules: Mapping[str, Rule], probes: bool, seconds: float,
    script_exit: int | None = None, script: str | None = None,
) -> Diagnosis:  # fmt: skip
    """What the rules say of what was seen."""
    began = time.perf_counter()
    findings, outcomes = judge(facts, rules, failures=failures, probes=probes, run_s=seconds)
    return Diagnosis(
        findings=tuple(findings), outcomes=tuple(outcomes), seen=_counts(facts), script=script,
        script_exit=script_exit, stopped=facts.stopped, seconds=seconds, judging_s=time.perf_counter() - began,
        notes=tuple(facts.notes), failures=tuple(failures.values()), unjudged=_unjudged(facts, rules, script_exit),
    )  # fmt: skip


def _unjudged(facts: Facts, rules: Mapping[str, Rule], script_exit: int | None) -> str:
    """Why there was no training to judge; "" where there was one, by hand and without an optimizer too."""
    if facts.n_steps or facts.n_backwards > 1 or all(rule.is_static for rule in rules.values()):
        return ""
    if facts.stopped == "time":
        return "--time was over before the first step"
    if facts.stopped == "interrupt":
        return "the script was interrupted before its first step"
    if facts.stopped:
        return f"the script ended with {facts.stopped.removeprefix('error: ').partition(':')[0]} before its first step"
    if script_exit:
        return f"the script ended with exit status {script_exit} before its first step"
    return "no optimizer step was seen"


def _counts(facts: Facts) -> dict[str, int]:
    return {
        "modules": len(facts.modules),
        "forwards": facts.n_forwards,
        "backwards": facts.n_backwards,
        "steps": facts.n_steps,
        "optimizers": len(facts.optimizers),
        "loaders": len(facts.loaders),
    }


def look_at(place: str | Path, *, only: Collection[str] = (), ignore: Collection[str] = ()) -> Diagnosis:
    """What the source of a file, or of all Python files of a folder, says by itself; nothing is run."""
    path = Path(place)
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    rules = choose_rules(only, ignore, is_static=True)
    facts = Facts(script=str(files[0]) if len(files) == 1 else None, sources=[str(one) for one in files])
    problems = [(one, problem) for one in files if (problem := Source(str(one)).problem)]
    facts.notes += [f"{one}: {problem}" for one, problem in problems]
    found = diagnose(facts, {}, rules=rules, probes=False, seconds=0.0, script=str(place))
    if len(problems) < len(files):
        return replace(found, seen={})
    unjudged = "the source could not be read whole" if files else "there is no Python file"
    outcomes = (
        replace(one, outcome="not applicable", reason=unjudged) if one.outcome == "passed" else one
        for one in found.outcomes
    )
    return replace(found, seen={}, unjudged=unjudged, outcomes=tuple(outcomes))


def watch(*, only: Collection[str] = (), ignore: Collection[str] = (), probes: bool = True) -> Examination:
    """`with firesteel.watch() as seen:` around a training loop, in a notebook too; then `seen.report`.

    Args:
        only: rules or groups of rules ("O01", "O"); all, if none are named.
        ignore: rules or groups that are left out.
        probes: replays of captured steps are allowed.
    """
    return Examination(only=only, ignore=ignore, probes=probes)


class Examination:
    """A block that is watched; `report` is the diagnosis, once the block has ended.

    Inside a script that runs under the doctor the block is not watched a second time: its report is empty, and the
    script's own diagnosis holds what was found.
    """

    def __init__(self, *, only: Collection[str], ignore: Collection[str], probes: bool) -> None:
        self._rules = choose_rules(only, ignore)
        self._probes = probes
        self._watch = Watch()
        self._is_inner = False
        self._began = 0.0
        self._report: Diagnosis | None = None

    @property
    def report(self) -> Diagnosis:
        """The diagnosis.

        Raises:
            RuntimeError: the block has not ended yet.
        """
        if self._report is None:
            raise RuntimeError("the report is there when the block has ended")
        return self._report

    def __enter__(self) -> Self:
        self._is_inner = is_watching()
        if not self._is_inner:
            self._watch.start()
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._began
        if self._is_inner:
            note = "a doctor was watching already: what was found here stands in its report"
            self._report = Diagnosis((), (), {}, seconds=seconds, notes=(note,))
            return
        facts = self._watch.stop()
        facts.stopped = "" if error is None else f"error: {type(error).__name__}: {error}"
        self._report = diagnose(facts, self._watch.failures, rules=self._rules, probes=self._probes, seconds=seconds)

    def _repr_html_(self) -> str:
        return self.report._repr_html_()
