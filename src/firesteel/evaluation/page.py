"""A report as one HTML file: opens offline, light and dark, on a phone and on paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from firesteel.evaluation.digits import aligned, span, style_of, styled
from firesteel.evaluation.figures import Figure, figures_of, to_svg
from firesteel.evaluation.lines import headline, score_cells, score_headings, width_note
from firesteel.evaluation.metrics import BY_NAME, metrics_for
from firesteel.evaluation.report import Report, Standing
from firesteel.evaluation.terms import formula

MAX_NAMES = 40  # characters of all class names together, to stand in the head
MAX_COLUMNS = 500  # rows of the columns' table; of more the page would be slow to open
Cell = tuple[str, str]  # a cell's HTML and its class


def render_page(
    report_dict: Mapping[str, Any], *, title: str, columns: Sequence[Mapping[str, Any]] = (), recipe: str = ""
) -> str:
    """The page of a report's dict; `columns` are dicts of `data.Column`, `recipe` is the TOML that repeats the run.

    All words of the user are escaped; nothing is loaded from anywhere.
    """
    report = Report.from_dict(report_dict)
    figures = {figure.name: figure for figure in figures_of(report)}
    models = figures.pop("models", None)
    of_pictures = [figure for figure in figures.values() if figure.is_of_pictures]
    others = [figure for figure in figures.values() if not figure.is_of_pictures]
    sections = [
        _head(report, title),
        _scores(report, models),
        _figures("Pictures", of_pictures, report=report, style="pictures"),
        _figures("Figures", others, report=report, style="figures"),
        _notices(report),
        _choices(report),
        _columns(columns),
        _reproduce(recipe),
    ]
    style = resources.files("firesteel.evaluation").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} · firesteel</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(section for section in sections if section)
        + "\n<footer>Made by firesteel. This page is one file and needs no network.</footer>\n"
        + "</main>\n</body>\n</html>\n"
    )


def _head(report: Report, title: str) -> str:
    """Who won, in a sentence, and what was trained on what."""
    known = report.n_rows.get("train", 0) + report.n_rows.get("val", 0)
    rows = " / ".join(f"{report.n_rows[part]:,}" for part in ("train", "val", "test") if part in report.n_rows)
    members = f"{report.n_members} nets averaged" if report.n_members > 1 else "1 net"
    facts = {
        "target": report.target,
        "task": _task(report),
        "pictures": report.reads,
        "columns": f"{report.n_columns:,}" if report.n_columns and not report.reads else "",
        **(
            {"rows": f"{known:,} in {report.n_members} folds, {report.n_rows.get('test', 0):,} test"}
            if report.n_members > 1
            else {"rows train / val / test" if rows.count("/") == 2 else "rows": rows}
        ),
        "network": f"{members}, {report.n_params:,} weights each" if report.n_params else members,
        "time": _seconds(sum(report.seconds.values())) if report.seconds else "",
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items() if value)
    split = f'<p class="split">{escape(report.split)}</p>' if report.split else ""
    return (
        f'<header><span class="mark">firesteel</span><h1>{escape(title)}</h1>'
        f'<p class="headline">{escape(_sentence(headline(report)))}</p><dl class="facts">{items}</dl>{split}</header>'
    )


def _scores(report: Report, models: Figure | None) -> str:
    """The network's scores, the models beside each other as a figure and as numbers."""
    intro = (
        "On test rows, which neither training nor any choice has seen. Intervals are 95 % (bootstrap over these rows)."
    )
    width = width_note(report)
    if width:
        intro += f" {_sentence(width)}"
    metrics = metrics_for(report.task)
    own = _table(["", *score_headings(report)], _score_rows(report), numbers_from=1)
    parts = [own]
    if report.baselines:
        if models:
            parts = [f'<div class="figures">{_figure(models, report)}<div><h3>The network</h3>{own}</div></div>']
        header = ["", metrics[0].label, "95 % interval", *(metric.label for metric in metrics[1:])]
        parts.append("<h3>All models</h3>" + _table(header, _model_rows(report), numbers_from=1))
    parts.append(_formulas(report))
    return _section("Scores", intro, "".join(parts))


def _score_rows(report: Report) -> list[list[Cell]]:
    rows = []
    for found in report.test:
        unit = f" ({found.unit})" if found.unit else ""
        note = f"<small>{escape(found.note)}</small>" if found.note else ""
        label = escape(BY_NAME[found.name].label + unit) + note
        rows.append([(label, ""), *((cell, "num") for cell in score_cells(report, found))])
    return rows


def _model_rows(report: Report) -> list[list[Cell]]:
    """Best first; those that could not run stand below with the reason."""
    standings, metrics = report.standings, metrics_for(report.task)
    style = style_of([one.score.value for one in standings], metric=metrics[0].name)
    others = [aligned([_value_of(one, metric.name) for one in standings], metric=metric.name) for metric in metrics[1:]]
    rows = []
    for i, one in enumerate(standings):
        note = f"<small>{escape(one.note)}</small>" if one.note else ""
        kind = "net" if one.is_net else ""
        numbers = [styled(one.score.value, style), span(one.score.low, one.score.high, style), *(v[i] for v in others)]
        rows.append([(escape(one.label) + note, kind), *((number, "num") for number in numbers)])
    for baseline in report.baselines:
        if not baseline.is_applicable:
            note = f"<small>{escape(baseline.note)}</small>"
            rows.append([(escape(baseline.label) + note, "out"), *(("–", "num") for _ in range(len(metrics) + 1))])
    return rows


def _formulas(report: Report) -> str:
    """What the models that are sums have found, a line each."""
    rows = [
        [(escape(label), ""), (f"<code>{escape(formula(report.target, terms))}</code>", "wide")]
        for label, terms in report.sums
    ]
    return "<h3>Formulas</h3>" + _table(["model", "in the columns' units"], rows) if rows else ""


def _value_of(standing: Standing, name: str) -> float:
    return next((found.value for found in standing.scores if found.name == name), float("nan"))


def _figures(title: str, figures: Sequence[Figure], *, report: Report, style: str) -> str:
    if not figures:
        return ""
    return _section(title, "", f'<div class="{style}">{"".join(_figure(one, report) for one in figures)}</div>')


def _figure(figure: Figure, report: Report) -> str:
    return (
        f"<figure><h3>{escape(figure.title)}</h3>{to_svg(figure, report)}"
        f"<figcaption>{escape(figure.caption(report))}</figcaption></figure>"
    )


def _notices(report: Report) -> str:
    items = "".join(
        f'<li class="{"leak" if notice.code == "leak" else ""}"><span class="tag">{escape(notice.code)}</span>'
        f"{escape(notice.text)}</li>"
        for notice in report.notices
    )
    return (
        _section("Notices", "What reading and training came across.", f'<ul class="notices">{items}</ul>')
        if items
        else ""
    )


def _choices(report: Report) -> str:
    rows = [
        [(escape(one.name), ""), (f"<code>{escape(_value(one.value))}</code>", ""), (escape(one.reason), "wide")]
        for one in report.choices
    ]
    intro = "Everything that was picked automatically, and why. Any of it can be set by the option of the same name."
    return _section("Choices", intro, _table(["option", "value", "why"], rows, is_stacked=True)) if rows else ""


def _columns(columns: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for column in columns[:MAX_COLUMNS]:
        use = "used" if column.get("is_used", True) else "left out"
        rows.append(
            [
                (f"<code>{escape(str(column['name']))}</code>", "" if use == "used" else "out"),
                (escape(str(column["kind"])), ""),
                (use, ""),
                (f"{column.get('n_missing', 0):,}", "num"),
                (f"{column.get('n_unique', 0):,}", "num"),
                (escape(str(column.get("reason", ""))), "wide"),
            ]
        )
    if not rows:
        return ""
    intro = "What each column was taken for."
    if len(columns) > MAX_COLUMNS:
        intro += f" The first {MAX_COLUMNS} of {len(columns):,}."
    return _section(
        "Columns", intro, _table(["column", "kind", "", "missing", "different", "why"], rows, is_stacked=True)
    )


def _reproduce(recipe: str) -> str:
    if not recipe:
        return ""
    intro = "Saved as recipe.toml beside this page, this is the whole run: same machine, same numbers."
    command = "firesteel fit --recipe recipe.toml -o again"
    return _section("Reproduce", intro, f"<pre>{command}</pre><pre>{escape(recipe.strip())}</pre>")


def _section(title: str, intro: str, body: str) -> str:
    text = f"<p>{escape(intro)}</p>" if intro else ""
    return f"<section><h2>{escape(title)}</h2>{text}{body}</section>"


def _table(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], *, numbers_from: int | None = None, is_stacked: bool = False
) -> str:
    """A table; a first cell of class 'net' or 'out' marks its whole row."""
    first = numbers_from if numbers_from is not None else len(header)
    heads = "".join(
        f'<th class="num">{name}</th>' if i >= first or name in {"missing", "different"} else f"<th>{name}</th>"
        for i, name in enumerate(header)
    )
    body = []
    for row in rows:
        kind = f' class="{row[0][1]}"' if row[0][1] else ""
        cells = f"<td>{row[0][0]}</td>"
        for (html, style), name in zip(row[1:], header[1:], strict=True):
            label = f' data-label="{name}"' if is_stacked and style == "num" else ""
            cells += f'<td class="{style}"{label}>{html}</td>' if style else f"<td>{html}</td>"
        body.append(f"<tr{kind}>{cells}</tr>")
    stack = ' class="stack"' if is_stacked else ""
    return (
        f'<div class="scroll"><table{stack}><thead><tr>{heads}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _task(report: Report) -> str:
    """`binary: no, yes`, or how many classes there are where their names would be long."""
    names = ", ".join(report.classes)
    if not names:
        return report.task
    return f"{report.task}: {names}" if len(names) <= MAX_NAMES else f"{report.task}: {len(report.classes)} classes"


def _seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _value(value: Any) -> str:
    """A choice's value as it would be typed."""
    if isinstance(value, list | tuple):
        return ",".join(_value(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
