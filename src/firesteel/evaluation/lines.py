"""A report as text for a terminal: who won, by how much, and how sure that is."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

from firesteel.evaluation.baselines import Baseline
from firesteel.evaluation.digits import ABSENT, aligned, plural, span, style_of, styled
from firesteel.evaluation.intervals import Score
from firesteel.evaluation.metrics import BY_NAME, metrics_for
from firesteel.evaluation.report import Report, Standing
from firesteel.evaluation.terms import formula

WIDTH = 80
LABEL_WIDTH = 21  # "logistic regression" and the mark before it
MAX_REACH = 0.05  # of an interval to each side: from there on a reader is told that test rows are few
MARK = "▸ "  # before the network's row

#: Headings narrow enough for a table of 80 columns.
SHORT = {"balanced_accuracy": "balanced", "roc_auc": "ROC AUC", "f1_macro": "macro F1"}


@dataclass(frozen=True)
class Verdict:
    """The best baseline against the network, in the winner's favour."""

    best: Baseline
    is_net_behind: bool
    is_level: bool
    gap: str
    certainty: str  # "clear" or "within noise", with the interval


def verdict(report: Report) -> Verdict | None:
    """Who won on the test rows, by how much and how surely; None without a baseline or a comparison."""
    best, comparison = report.best, report.comparison
    if best is None or comparison is None:
        return None
    metric = BY_NAME[comparison.metric]
    is_level = comparison.difference == 0
    is_net_behind = not is_level and not comparison.is_a_better
    flip = -1 if metric.is_higher_better is is_net_behind else 1
    ends = sorted((flip * comparison.low, flip * comparison.high))
    style = style_of([report.main.value], metric=metric.name)
    word = "clear" if comparison.is_clear else "within noise"
    certainty = f"{word}: 95 % interval of the gap {span(ends[0], ends[1], style)}"
    return Verdict(best, is_net_behind, is_level, styled(abs(comparison.difference), style), certainty)


def headline(report: Report) -> str:
    """The first line of a summary: a baseline that beats the network stands first, else the network's main score."""
    main, metric = report.main, BY_NAME[report.main.name]
    found = verdict(report)
    values = [main.value] + ([found.best.main_score(report.task).value] if found else [])
    style = style_of(values, metric=main.name)
    on_rows = f"on {plural(main.n_rows, 'test row')}"
    own, unit = styled(main.value, style), f" {main.unit}" if main.unit else ""
    if found and found.is_net_behind:
        others = styled(found.best.main_score(report.task).value, style)
        label = found.best.label[0].upper() + found.best.label[1:]
        return f"{label} beats the network: {metric.label} {others} against {own}{unit} {on_rows} ({found.certainty})"
    sentence = f"{metric.label} {own}{unit} (95 % interval {span(main.low, main.high, style)}) {on_rows}"
    if not found:
        return sentence
    best = f"best baseline: {found.best.label}, {styled(found.best.main_score(report.task).value, style)}"
    gap = "level with the network" if found.is_level else f"{found.gap} behind"
    return f"{sentence}; {best}, {gap} ({found.certainty})"


def summary(report: Report) -> list[str]:
    """Lines of at most 80 columns: headline, the network's scores, all models best first, and what to know of them."""
    lines = [*_wrapped(headline(report)), "", *score_table(report), *_wrapped(width_note(report), indent="  ")]
    if report.baselines:
        lines += ["", *model_table(report)]
    return [*lines, *_notes(report)]


def width_note(report: Report) -> str:
    """Of classes, how far the main score's interval reaches to each side, where that is far; "" where it is not."""
    main = report.main
    reach = (main.high - main.low) / 2
    if not BY_NAME[main.name].is_share or not reach > MAX_REACH:
        return ""
    return f"{plural(main.n_rows, 'test row')} give an interval of ±{100 * reach:.0f} points; more test rows narrow it"


def score_table(report: Report) -> list[str]:
    """The network's scores on test rows with their intervals, on val rows with the spread over members."""
    rows = [
        ["", *score_headings(report)],
        *([BY_NAME[one.name].label, *score_cells(report, one)] for one in report.test),
    ]
    notes = [f"{BY_NAME[found.name].label}: {found.note}" for found in report.test if found.note]
    return [*_laid_out(rows), *(line for note in notes for line in _wrapped(note, indent="  "))]


def score_headings(report: Report) -> list[str]:
    """What `score_cells` are: those that this report has."""
    has_spread = any(not math.isnan(found.spread) for found in report.val)
    return ["test", "95 % interval", *(["val"] if report.val else []), *(["members"] if has_spread else [])]


def score_cells(report: Report, found: Score) -> list[str]:
    """One of the network's scores under the `score_headings`."""
    val = next((one for one in report.val if one.name == found.name), None)
    style = style_of([found.value, val.value if val else math.nan], metric=found.name)
    spread = f"± {styled(val.spread, style)}" if val and not math.isnan(val.spread) else ABSENT
    cells = {
        "test": styled(found.value, style),
        "95 % interval": span(found.low, found.high, style),
        "val": styled(val.value, style) if val else ABSENT,
        "members": spread,
    }
    return [cells[heading] for heading in score_headings(report)]


def model_table(report: Report) -> list[str]:
    """The network among the baselines, best first by the main metric."""
    standings = report.standings
    metrics = metrics_for(report.task)
    main = metrics[0]
    style = style_of([one.score.value for one in standings], metric=main.name)
    columns = [
        ["", *(f"{MARK if one.is_net else '  '}{one.label}" for one in standings)],
        [main.label, *(styled(one.score.value, style) for one in standings)],
        ["95 % interval", *(span(one.score.low, one.score.high, style) for one in standings)],
    ]
    for metric in metrics[1:]:
        values = [_value_of(one, metric.name) for one in standings]
        columns.append([SHORT.get(metric.name, metric.label), *aligned(values, metric=metric.name)])
    return _laid_out([list(row) for row in zip(*columns, strict=True)])


def _value_of(standing: Standing, name: str) -> float:
    return next((found.value for found in standing.scores if found.name == name), float("nan"))


def _notes(report: Report) -> list[str]:
    """What a reader should know about single baselines, and what the models that are sums have found."""
    said = [f"{one.label}: {one.note}" for one in report.baselines if one.note]
    said += [f"{label}: {formula(report.target, terms)}" for label, terms in report.sums]
    return [line for sentence in said for line in _wrapped(sentence, indent="  ")]


def _laid_out(rows: list[list[str]]) -> list[str]:
    """Columns side by side, the first to the left, numbers to the right; cut where the terminal ends."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    widths[0] = max(widths[0], LABEL_WIDTH)
    gap = "  "
    while len(widths) > 2 and sum(widths) + len(gap) * (len(widths) - 1) > WIDTH:
        widths.pop()  # the last metrics stand in the table above as well
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
        lines.append(gap.join([row[0].ljust(widths[0]), *cells]).rstrip())
    return lines


def _wrapped(text: str, *, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + ("  " if indent else ""))
