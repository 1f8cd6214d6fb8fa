"""Everything that a run found out about its model: what scores.json, `--json` and the page are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from firesteel.evaluation.baselines import Baseline, best_baseline
from firesteel.evaluation.compared import Compared, compared_from
from firesteel.evaluation.curvature import Curvature
from firesteel.evaluation.importance import Importance
from firesteel.evaluation.intervals import Comparison, Score, compare
from firesteel.evaluation.metrics import BY_NAME, MAIN_METRIC, Answer
from firesteel.evaluation.mistakes import Mistakes
from firesteel.evaluation.sights import Sights
from firesteel.evaluation.terms import Term
from firesteel.evaluation.traces import Curve, Plane
from firesteel.recipe import Choice, Task

NET = "network"

T = TypeVar("T")


@dataclass(frozen=True)
class Notice:
    """Something that the user should know; `code` is a word that programs can look for."""

    code: str
    text: str
    column: str = ""

    def to_dict(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class History:
    """The learning curve: losses [epoch][member] after each epoch, inf where a member had diverged."""

    train_loss: tuple[tuple[float, ...], ...]
    val_loss: tuple[tuple[float, ...], ...]
    best_epoch: tuple[int, ...]  # per member, from 1; its weights were kept

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> History:
        losses = {
            name: tuple(tuple(_nan_if_none(x) for x in row) for row in record[name])
            for name in ("train_loss", "val_loss")
        }
        return cls(**losses, best_epoch=tuple(record["best_epoch"]))


@dataclass(frozen=True)
class Standing:
    """One model's place beside the others."""

    label: str
    score: Score
    is_net: bool
    is_constant: bool  # the majority class or the mean: what knowing nothing gives
    scores: tuple[Score, ...]
    note: str = ""


@dataclass(frozen=True)
class Report:
    """A trained model as it was checked."""

    task: Task
    target: str
    test: tuple[Score, ...]  # of the network, on rows read once
    split: str = ""  # how the parts were made, a sentence
    n_rows: Mapping[str, int] = field(default_factory=dict)  # train, val, test
    classes: tuple[str, ...] = ()
    val: tuple[Score, ...] = ()  # out of fold where there are fold-members
    baselines: tuple[Baseline, ...] = ()
    comparison: Comparison | None = None  # the network minus the best baseline
    mistakes: Mistakes = field(default_factory=Mistakes)
    importances: tuple[Importance, ...] = ()
    history: History | None = None
    sights: Sights | None = None  # of pictures with classes
    curvature: Curvature | None = None  # of a run by gradient descent
    curve: Curve | None = None  # of one numeric column
    plane: Plane | None = None  # of two numeric columns with classes
    terms: tuple[Term, ...] = ()  # of a linear network for an amount
    compared: tuple[Compared, ...] = ()  # the values of settings of which the best was kept, in the order given
    choices: tuple[Choice, ...] = ()
    notices: tuple[Notice, ...] = ()
    doctor: Mapping[str, Any] = field(default_factory=dict)  # its record of the first steps: findings, rules
    is_target_scaled: bool = True  # of an amount: whether losses are those of the target at mean 0 and spread 1
    n_columns: int = 0
    reads: str = ""  # what a picture is like: "28 x 28, grey"; nothing for columns
    n_members: int = 1
    n_params: int = 0  # of one member
    seconds: Mapping[str, float] = field(default_factory=dict)  # reading, training, evaluating

    @property
    def main(self) -> Score:
        """The network's main score on the test rows."""
        return next(found for found in self.test if found.name == MAIN_METRIC[self.task])

    @property
    def chosen_on(self) -> str:
        """The rows that choose the best epoch and the best value: val, or train where none were held out for it."""
        return "train" if self.n_rows.get("val") == 0 else "val"

    @property
    def best(self) -> Baseline | None:
        """The best baseline by the main metric."""
        return best_baseline(self.task, self.baselines)

    @property
    def sums(self) -> tuple[tuple[str, tuple[Term, ...]], ...]:
        """The models that are sums, by label, with their terms."""
        found = ((NET, self.terms), *((one.label, one.terms) for one in self.baselines))
        return tuple((label, terms) for label, terms in found if terms)

    @property
    def standings(self) -> tuple[Standing, ...]:
        """The network and every baseline that could run, best first, the network first among equals."""
        net = Standing(NET, self.main, True, False, self.test)
        others = [
            Standing(
                one.label, one.main_score(self.task), False, one.name in ("majority", "mean"), one.scores, one.note
            )
            for one in self.baselines
            if one.is_applicable
        ]
        sign = -1 if self.main.is_higher_better else 1
        return tuple(sorted([net, *others], key=lambda one: (math.isnan(one.score.value), sign * one.score.value)))

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe: what is not a finite number is None."""
        record: dict[str, Any] = _jsonable(
            {
                "task": self.task,
                "target": self.target,
                "classes": self.classes,
                "n_rows": self.n_rows,
                "split": self.split,
                "scores": {"test": _scores(self.test), "val": _scores(self.val)},
                "not_applicable": {one.name: one.note for one in self.test if not one.is_applicable},
                "baselines": {one.name: _scores(one.scores) for one in self.baselines},
                "baseline_notes": {one.name: _without_scores(one) for one in self.baselines},
                "comparison": None if self.comparison is None else self.comparison.to_dict(),
                **self.mistakes.to_dict(),
                "importances": [one.to_dict() for one in self.importances],
                "history": None if self.history is None else asdict(self.history),
                **{
                    name: part.to_dict()
                    for name in ("sights", "curve", "plane", "curvature")
                    if (part := getattr(self, name)) is not None
                },
                **({"terms": [one.to_dict() for one in self.terms]} if self.terms else {}),
                **({"compared": [one.to_dict() for one in self.compared]} if self.compared else {}),
                "choices": [one.to_dict() for one in self.choices],
                "notices": [one.to_dict() for one in self.notices],
                **({"doctor": self.doctor} if self.doctor else {}),
                **({} if self.is_target_scaled else {"is_target_scaled": False}),
                "n_columns": self.n_columns,
                **({"reads": self.reads} if self.reads else {}),
                "n_members": self.n_members,
                "n_params": self.n_params,
                "seconds": self.seconds,
            }
        )
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Report:
        """The report that a dict of `to_dict` describes, without the baselines' answers; other keys are ignored."""
        plain = ("task", "target", "split", "n_columns", "n_members", "n_params", "seconds")
        test = _scores_from(record["scores"]["test"])
        n_rows = {part: int(n) for part, n in record["n_rows"].items()}
        test += tuple(
            Score(name, math.nan, math.nan, math.nan, n_rows.get("test", 0), BY_NAME[name].is_higher_better, note=note)
            for name, note in record["not_applicable"].items()
        )
        notes, n_classes = record["baseline_notes"], len(record["classes"])
        sights, curve, plane = (record.get(name) for name in ("sights", "curve", "plane"))
        return cls(
            **{name: record[name] for name in plain},
            reads=str(record.get("reads", "")),
            doctor=record.get("doctor", {}),
            is_target_scaled=bool(record.get("is_target_scaled", True)),
            n_rows=n_rows,
            classes=tuple(record["classes"]),
            test=test,
            val=_scores_from(record["scores"]["val"]),
            baselines=tuple(
                Baseline.from_dict(name, {**notes[name], "scores": scores})
                for name, scores in record["baselines"].items()
            ),
            comparison=Comparison.from_dict(record["comparison"]) if record["comparison"] else None,
            mistakes=Mistakes.from_dict(record),
            importances=_checked(Importance, record["importances"]),
            history=History.from_dict(record["history"]) if record["history"] else None,
            curvature=Curvature.from_dict(record["curvature"]) if "curvature" in record else None,
            sights=Sights.from_dict(sights, n_classes=n_classes) if sights else None,
            curve=Curve.from_dict(curve, n_classes=n_classes) if curve else None,
            plane=Plane.from_dict(plane, n_classes=n_classes) if plane else None,
            terms=tuple(Term.from_dict(one) for one in record.get("terms", ())),
            compared=compared_from(record.get("compared", ())),
            choices=_checked(Choice, record["choices"]),
            notices=_checked(Notice, record["notices"]),
        )


def compare_with_best(
    answer: Answer, baselines: tuple[Baseline, ...], *, task: Task, y: NDArray[Any], seed: int
) -> Comparison | None:
    """The network's answers minus those of the best baseline on the same rows; None where none could run."""
    best = best_baseline(task, baselines)
    if best is None or best.answer is None:
        return None
    return compare(answer, best.answer, task=task, y=y, seed=seed)


def _checked(kind: type[T], records: Any) -> tuple[T, ...]:
    """The records as objects; pydantic's ValidationError, a ValueError, for what is none."""
    one = TypeAdapter(kind)
    return tuple(one.validate_python(record) for record in records)


def _scores(scores: tuple[Score, ...]) -> dict[str, Any]:
    return {found.name: found.to_dict() for found in scores if found.is_applicable}


def _scores_from(record: dict[str, Any]) -> tuple[Score, ...]:
    return tuple(Score.from_dict(name, found) for name, found in record.items())


def _without_scores(baseline: Baseline) -> dict[str, Any]:
    return {name: value for name, value in baseline.to_dict().items() if name != "scores"}


def _nan_if_none(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _jsonable(value: Any) -> Any:
    """The same in the types that JSON has; what is not a finite number is None."""
    if isinstance(value, Mapping):
        return {str(name): _jsonable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(part) for part in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return str(value)
