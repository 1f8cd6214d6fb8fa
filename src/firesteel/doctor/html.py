"""A diagnosis as a piece of HTML, for notebooks and for a page of its own."""

from __future__ import annotations

from html import escape

from firesteel.doctor.findings import LEVELS, Finding, Verdict
from firesteel.doctor.text import headline, seen_line, shown_path

_STYLE = """
.fs-doctor{font:14px/1.5 system-ui,sans-serif;max-width:60em;color:#1b1f24;background:#fff;padding:.6em .8em}
.fs-doctor h3{margin:.2em 0;font-size:1.15em}
.fs-doctor p{margin:.25em 0}
.fs-doctor .muted{color:#59636e}
.fs-doctor .finding{border-left:4px solid var(--mark);padding:.3em 0 .5em .9em;margin:1em 0}
.fs-doctor .E{--mark:#cf222e}.fs-doctor .W{--mark:#bf8700}.fs-doctor .N{--mark:#57606a}
.fs-doctor .tag{background:var(--mark);color:#fff;border-radius:4px;padding:.05em .5em;font-weight:600;font-size:.9em}
.fs-doctor pre{background:#f6f8fa;border-radius:6px;padding:.5em .8em;margin:.4em 0;overflow-x:auto;color:#1b1f24;
font:12.5px/1.45 ui-monospace,monospace;white-space:pre}
.fs-doctor mark{background:#ffd8d3;color:inherit;border-bottom:2px solid var(--mark)}
.fs-doctor .add{color:#116329;background:#dafbe1}.fs-doctor .cut{color:#82071e;background:#ffebe9}
.fs-doctor table{border-collapse:collapse;font-size:13px}
.fs-doctor td{padding:.1em .8em .1em 0;vertical-align:top;text-align:left}
"""


def to_html(diagnosis: Verdict) -> str:
    """Headline, findings with their lines marked, and the outcome of each rule behind a fold."""
    if not diagnosis.outcomes:  # nobody was asked
        return "\n".join(f"<p class='muted'>note: {escape(note)}</p>" for note in diagnosis.notes)
    parts = [
        f"<div class='fs-doctor'><style>{_STYLE}</style>",
        f"<h3>{escape(headline(diagnosis))}</h3><p class='muted'>{escape(seen_line(diagnosis))}</p>",
        *(f"<p class='muted'>note: {escape(note)}</p>" for note in diagnosis.notes),
        *(_finding(one) for one in diagnosis.findings),
        *(f"<p>a flaw of the doctor itself: {escape(str(one))}</p>" for one in diagnosis.failures),
        _outcomes(diagnosis),
        "</div>",
    ]
    return "\n".join(parts)


def to_page(diagnosis: Verdict) -> str:
    """A whole HTML page."""
    title = escape(headline(diagnosis))
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{title}</title>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{to_html(diagnosis)}</body></html>\n"


def _finding(one: Finding) -> str:
    text, start, end = one.source, one.column - 1, max(one.end_column - 1, one.column)
    marked = f"{escape(text[:start])}<mark>{escape(text[start:end])}</mark>{escape(text[end:])}"
    place = f"{escape(shown_path(one.path))}:{one.line}:{one.column}"
    return (
        f"<div class='finding {one.level}'><p><span class='tag'>{one.rule} {LEVELS[one.level]}</span> "
        f"<b>{escape(one.message)}</b></p><p class='muted'>{place}</p><pre>{one.line} | {marked}</pre>"
        f"<p><b>seen</b> {escape(one.evidence)}</p><p><b>why</b> {escape(one.why)}</p>"
        f"<p><b>fix</b></p><pre>{_diff(one.fix)}</pre></div>"
    )


def _diff(fix: str) -> str:
    lines = []
    for line in fix.splitlines():
        mark = line[:8].lstrip("0123456789 ")[:1]
        kind = {"+": "add", "-": "cut"}.get(mark)
        lines.append(f"<span class='{kind}'>{escape(line)}</span>" if kind else escape(line))
    return "\n".join(lines)


def _outcomes(diagnosis: Verdict) -> str:
    found = {one.rule for one in diagnosis.findings}
    rest = [one for one in diagnosis.outcomes if one.rule not in found]
    n_passed = sum(one.outcome == "passed" for one in rest)
    rows = "".join(
        f"<tr><td>{one.rule}</td><td>{escape(one.title)}</td><td>{one.outcome}</td><td>{escape(one.reason)}</td></tr>"
        for one in rest
    )
    words = f"{n_passed} other rules passed, {len(rest) - n_passed} were not applicable"
    return f"<details><summary>{words}</summary><table>{rows}</table></details>"
