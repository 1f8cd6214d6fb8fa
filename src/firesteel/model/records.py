"""A report that was read from a folder: whether everything in it can be shown."""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from firesteel.data import Target
from firesteel.evaluation import Report, Score, Term, metrics_for

#: Holds an array type that pydantic does not know; its parts are looked at one by one.
_BY_PARTS = "baselines"
#: A summary of residuals: 5, 25, 50, 75 and 95 %.
_N_QUANTILES = 5


def check_report(report: Report, target: Target) -> None:
    """Raises ValueError (pydantic's, too) for a value of another type, or without what every report has."""
    kinds = get_type_hints(Report)
    for field in fields(Report):
        if field.name != _BY_PARTS:
            _check_kind(kinds[field.name], getattr(report, field.name))
    for one in report.baselines:
        parts = ((str, one.label), (float, one.seconds), (str, one.note), (tuple[Score, ...], one.scores))
        for kind, value in (*parts, (tuple[Term, ...], one.terms)):
            _check_kind(kind, value)
    if (report.task, report.target, report.classes) != (target.task, target.name, target.classes):
        raise ValueError("the report is of another target")
    if not {"train", "val", "test"} <= report.n_rows.keys():
        raise ValueError(f"the report counts the rows of {', '.join(report.n_rows)}")
    _check_shown(report)


def _check_kind(kind: Any, value: Any) -> None:
    TypeAdapter(kind).validate_python(_plain(value), strict=False)


def _check_shown(report: Report) -> None:
    """Raises ValueError where a main score is missing, or tables have other sizes than what they are about."""
    main = metrics_for(report.task)[0].name
    shown = [report.test, *(one.scores for one in report.baselines if one.is_applicable)]
    if any(main not in {found.name for found in scores} for scores in shown):
        raise ValueError(f"a model of the report has no {main}")
    if report.comparison is not None and report.comparison.metric != main:
        raise ValueError(f"the report compares by '{report.comparison.metric}'")
    if report.history is not None:
        n_members = len(report.history.best_epoch)
        if any(len(row) != n_members for row in report.history.train_loss + report.history.val_loss):
            raise ValueError("the history has members without a best epoch")
        if len(report.history.train_loss) != len(report.history.val_loss):
            raise ValueError("the history counts different epochs")
    if report.mistakes.confusion is not None:
        n_classes, counts = len(report.classes), report.mistakes.confusion.counts
        if [len(row) for row in counts] != [n_classes] * n_classes:
            raise ValueError(f"the confusion is not one of {n_classes} classes")
    if report.mistakes.residuals is not None and len(report.mistakes.residuals.quantiles) != _N_QUANTILES:
        raise ValueError(f"the residuals have no {_N_QUANTILES} quantiles")


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, so that pydantic looks into them."""
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
