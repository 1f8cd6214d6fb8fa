"""From a script, a block or a file to a diagnosis."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from firesteel.doctor.diagnosis import Diagnosis
from firesteel.doctor.facts import Facts
from firesteel.doctor.judging import choose_rules, judge
from firesteel.doctor.running import run_script
from firesteel.doctor.shields import Failure
from firesteel.doctor.source import Source
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
    watch = Watch(script=None if is_module else str(target), most_steps=steps)
    ended, seconds = run_script(str(target), args, watch, is_module=is_module, limit_s=time_s)
    if is_module:
        watch.facts.script = ended.variables.get("__file__")
    return diagnose(
        watch.facts, watch.failures, rules=rules, probes=probes, seconds=seconds, script_exit=ended.code,
        script=str(target),
    )  # fmt: skip


def diagnose(
    facts: Facts, failures: dict[str, Failure], *, rules: Any, probes: bool, seconds: float,
    script_exit: int | None = None, script: str | None = None,
) -> Diagnosis:  # fmt: skip
    """What the rules say of what was seen."""
    began = time.perf_counter()
    findings, outcomes = judge(facts, rules, failures=failures, probes=probes, run_s=seconds)
    return Diagnosis(
        findings=tuple(findings), outcomes=tuple(outcomes), seen=_counts(facts), script=script,
        script_exit=script_exit, stopped=facts.stopped, seconds=seconds, judging_s=time.perf_counter() - began,
        notes=tuple(facts.notes), failures=tuple(failures.values()),
    )  # fmt: skip


def _counts(facts: Facts) -> dict[str, int]:
    return {
        "modules": len(facts.modules),
        "forwards": facts.n_forwards,
        "losses": len(facts.losses),
        "backwards": facts.n_backwards,
        "steps": facts.n_steps,
        "optimizers": len(facts.optimizers),
        "loaders": len(facts.loaders),
    }


def look_at(place: str | Path, *, only: Collection[str] = (), ignore: Collection[str] = ()) -> Diagnosis:
    """What the source of a file, or of all Python files of a folder, says by itself; nothing is run."""
    path = Path(place)
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    rules = {name: rule for name, rule in choose_rules(only, ignore).items() if rule.is_static}
    facts = Facts(script=str(files[0]) if len(files) == 1 else None, sources=[str(one) for one in files])
    facts.notes += [f"{one}: {problem}" for one in files if (problem := Source(str(one)).problem)]
    found = diagnose(facts, {}, rules=rules, probes=False, seconds=0.0, script=str(place))
    return replace(found, seen={})


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
