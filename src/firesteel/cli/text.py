"""Results as lines of at most 80 columns."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firesteel.data import Column, Look
    from firesteel.evaluation import Report
    from firesteel.model import Evaluation, Model, Predictions
    from firesteel.recipe import Choice

WIDTH = 80
N_ROWS_SHOWN = 10
#: Of one value in a table of answers.
CELL_WIDTH = 32


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output, in whatever letters it can show."""
    text = "\n".join(lines) + "\n"
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding))


def fit_lines(model: Model, run: str, *, is_brief: bool = False) -> list[str]:
    """What a run found out: the verdict first, then the choices, the notices, and what to type next."""
    from firesteel.evaluation import headline, summary

    report = model.report
    if is_brief:
        return [*wrapped(headline(report)), f"saved in {run}"]
    return [
        *summary(report),
        "",
        *wrapped(_rows_line(report)),
        *choice_lines(report.choices),
        *notice_lines([notice.text for notice in report.notices]),
        "",
        f"saved in {run}; report.html there opens in a browser. Next:",
        f"  firesteel predict {run} {'PICTURES --show' if report.reads else 'NEW_ROWS.csv -o answers.csv'}",
        f"  firesteel show {run}",
    ]


def show_lines(model: Model, run: str) -> list[str]:
    """What a model is, how it was made, its columns, choices and scores."""
    from firesteel.evaluation import summary

    report, schema = model.report, model.schema
    k = model.population.k
    members = "one net" if k == 1 else f"the average of {k} nets"
    return [
        *wrapped(f"{run}: {members} of {report.n_params:,} weights; {_rows_line(report)}"),
        "",
        *summary(report),
        "",
        "columns",
        *column_lines(schema.columns),
        *choice_lines(report.choices),
        *notice_lines([notice.text for notice in report.notices]),
    ]


def data_lines(look: Look) -> list[str]:
    """What is in a table."""
    n_missing = sum(column.n_missing for column in look.columns)
    is_picture = any(column.kind == "picture" for column in look.columns)
    what = "pictures" if is_picture else f"rows, {len(look.columns) + (look.target is not None)} columns"
    lines = [f"{look.name}: {look.n_rows:,} {what}"]
    if look.target is not None:
        classes = f", {len(look.target.classes)} classes" if look.target.classes else ""
        lines += wrapped(f"target '{look.target.name}': {look.target.task}{classes} ({look.target.reason})")
    if is_picture:
        lines += [*wrapped(look.counts), f"{look.n_equal:,} nearly equal an earlier one", ""]
    else:
        lines += [f"{n_missing:,} missing values; {look.n_equal:,} rows repeat an earlier one", ""]
    return [*lines, *column_lines(look.columns), *notice_lines(look.notices), "", *wrapped(f"Next: {look.hint}")]


def predict_lines(predictions: Predictions, output: str | None) -> list[str]:
    """The first answers, or where they went."""
    lines = []
    if predictions.frame is None:
        lines.append(f"{predictions.n_rows:,} rows answered in {output}")
    else:
        frame = predictions.frame
        names = frame.columns
        rows = [[_narrow(_short(value)) for value in row] for row in frame.head(N_ROWS_SHOWN).iter_rows()]
        lines += table_lines([names, *rows])
        if frame.height > N_ROWS_SHOWN:
            lines.append(f"... {frame.height:,} rows; -o answers.csv writes all of them")
    return [*lines, *notice_lines(predictions.notices)]


def evaluate_lines(evaluation: Evaluation) -> list[str]:
    """Scores with intervals."""
    from firesteel.evaluation import METRICS

    labels = {metric.name: metric.label for metric in METRICS}
    rows = [["", "score", "95 % interval"]]
    for found in evaluation.scores:
        if found.is_applicable:
            name = labels[found.name]
            rows.append([name, _short(found.value), f"{_short(found.low)} to {_short(found.high)}"])
    return [
        f"on {evaluation.n_rows:,} rows",
        "",
        *table_lines(rows),
        *notice_lines(found.text for found in evaluation.notices),
    ]


def choice_lines(choices: Sequence[Choice]) -> list[str]:
    """Every value that was chosen, with its reason."""
    if not choices:
        return []
    lines = ["", "chosen (an option of the same name overrules)"]
    for choice in choices:
        head = f"  {choice.name:<16}{_spoken(choice.value):<12}"
        gap = "" if head.endswith(" ") else "  "
        lines += textwrap.wrap(
            choice.reason, WIDTH, initial_indent=head + gap, subsequent_indent=" " * 30, break_long_words=False
        )
    return lines


def notice_lines(notices: Iterable[str]) -> list[str]:
    """Everything that was noticed, each a sentence."""
    texts = list(notices)
    if not texts:
        return []
    return ["", "noticed", *(line for text in texts for line in wrapped(text, indent="  - "))]


def column_lines(columns: Sequence[Column]) -> list[str]:
    """Each column: kind, missing values, and why it was taken so."""
    longest = min(24, max((len(column.name) for column in columns), default=0))
    lines = []
    for column in columns:
        mark = " " if column.is_used else "-"
        missing = f"{column.n_missing:,} missing; " if column.n_missing else ""
        head = f"{mark} {_cut(column.name, 24):<{longest}}  {column.kind:<12}"
        lines += textwrap.wrap(
            missing + column.reason, WIDTH, initial_indent=head, subsequent_indent=" " * (longest + 16)
        )
    if any(not column.is_used for column in columns):
        lines.append("(- left out)")
    return lines


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns side by side, as many as fit."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    n_shown = next((i for i in range(len(widths)) if sum(widths[: i + 1]) + 2 * i > WIDTH), len(widths))
    lines = ["  ".join(f"{row[i]:>{widths[i]}}" for i in range(n_shown)) for row in rows]
    n_more = len(widths) - n_shown
    return [*lines, f"({n_more} more columns)"] if n_more else lines


def wrapped(text: str, *, indent: str = "") -> list[str]:
    """The text in lines of 80 columns."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent), break_long_words=False
    ) or [""]


def _rows_line(report: Report) -> str:
    if report.n_members == 1:
        parts = ", ".join(f"{n:,} {part}" for part, n in report.n_rows.items())
    else:
        n_known = report.n_rows["train"] + report.n_rows["val"]
        parts = f"{n_known:,} in {report.n_members} folds (each val for one net), {report.n_rows['test']:,} test"
    n = f"{report.n_columns} column{'s' if report.n_columns != 1 else ''}; rows"
    source = f"pictures ({report.reads})" if report.reads else n
    return f"predicts '{report.target}' ({report.task}) from {source}: {parts}; {report.split}"


def _spoken(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ",".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _narrow(text: str) -> str:
    """A cell that leaves room for others: of a long path the end, which tells files apart."""
    if len(text) <= CELL_WIDTH or "/" not in text:
        return _cut(text, CELL_WIDTH)
    return f"…{text[1 - CELL_WIDTH :]}"


def _cut(text: str, n: int) -> str:
    return text if len(text) <= n else f"{text[: n - 1]}…"
