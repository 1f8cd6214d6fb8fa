"""A diagnosis as lines for a terminal of 80 columns."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from firesteel.doctor.findings import LEVELS, Finding, Outcome, Verdict

WIDTH = 80
_LABEL = 7


def to_text(diagnosis: Verdict) -> str:
    return "\n".join(to_lines(diagnosis))


def to_lines(diagnosis: Verdict) -> list[str]:
    """The sum in one sentence, the findings worst first, one line for each other rule."""
    lines = [line for note in diagnosis.notes for line in _wrapped(f"note: {note}")]
    if not diagnosis.outcomes:  # nobody was asked
        return lines
    lines = [*_wrapped(headline(diagnosis)), *_wrapped(seen_line(diagnosis)), *lines]
    for finding in diagnosis.findings:
        lines += ["", *finding_lines(finding)]
    lines += ["", "rules"]
    found = {one.rule for one in diagnosis.findings}
    for outcome in diagnosis.outcomes:
        if outcome.rule not in found:
            lines += _outcome_lines(outcome)
    for failure in diagnosis.failures:
        lines += ["", *_wrapped(f"a flaw of the doctor itself, please report it: {failure}")]
    return [*lines, "", closing_line(diagnosis)] if diagnosis.findings else lines


def headline(diagnosis: Verdict) -> str:
    """`2 errors, 1 warning in train.py`"""
    counts, reason = _counted(diagnosis), diagnosis.unjudged
    where = f" in {shown_path(diagnosis.script)}" if diagnosis.script else ""
    if reason and diagnosis.is_clean:
        return f"nothing could be judged{where}: {reason}{f'; {counts}' if counts else ''}"
    return f"{counts or 'nothing found'}{where}{f'; nothing more could be judged: {reason}' if reason else ''}"


def closing_line(diagnosis: Verdict) -> str:
    """`2 errors, 1 warning: O01 line 37, V05 line 8; explain: firesteel explain O01`, where a reader begins."""
    findings = diagnosis.findings
    has_files = len({one.path for one in findings}) > 1
    places = [f"{one.rule}{f' {Path(one.path).name}' if has_files else ''} line {one.line}" for one in findings]

    def line(n: int) -> str:
        more = f" and {len(places) - n} more" if n < len(places) else ""
        return f"{_counted(diagnosis)}: {', '.join(places[:n])}{more}; explain: firesteel explain {findings[0].rule}"

    return next((text for n in range(len(places), 1, -1) if len(text := line(n)) <= WIDTH), line(1))


def _counted(diagnosis: Verdict) -> str:
    counts = Counter(LEVELS[one.level] for one in diagnosis.findings)
    parts = [f"{counts[word]} {word}{'s' * (counts[word] != 1)}" for word in LEVELS.values() if counts[word]]
    return ", ".join(parts)


def seen_line(diagnosis: Verdict) -> str:
    seen = diagnosis.seen
    if not seen:
        return "only the source was looked at"
    words = [f"{seen[name]:,} {name if seen[name] != 1 else name[:-1]}" for name in ("steps", "backwards", "forwards")]
    text = f"seen: {', '.join(words)} in {diagnosis.seconds:.1f} s"
    if not seen["steps"] and not diagnosis.unjudged:
        text = f"no optimizer step was seen; {text}"
    if diagnosis.stopped in ("steps", "time"):
        text += f"; the script was stopped by --{diagnosis.stopped}"
    elif diagnosis.stopped == "interrupt":
        text += "; the script was interrupted"
    elif diagnosis.stopped:
        text += f"; the script ended with {diagnosis.stopped.removeprefix('error: ')}"
    if diagnosis.script_exit:
        text += f"; exit status {diagnosis.script_exit}"
    return text


def finding_lines(finding: Finding) -> list[str]:
    """Level, rule, place; the source line underlined; what was seen, why it hurts, what to change."""
    place = f"{shown_path(finding.path)}:{finding.line}:{finding.column}"
    lines = _wrapped(f"{LEVELS[finding.level]} {finding.rule}  {place}")
    lines += _wrapped(finding.message, indent="  ")
    lines += [f"    {line}" for line in excerpt(finding)]
    lines += _labelled("seen", finding.evidence)
    lines += _labelled("why", finding.why)
    if finding.fix:
        fix = [part for line in finding.fix.splitlines() for part in _fitting(line)]
        lines += [f"  {'fix':<{_LABEL}}{fix[0]}", *(f"  {'':<{_LABEL}}{line}" for line in fix[1:])]
    return lines


def excerpt(finding: Finding) -> list[str]:
    """The source line and a line of ^ under what it is about; of a long line the part around that."""
    text = finding.source.expandtabs(1)
    start, end = finding.column - 1, max(finding.end_column - 1, finding.column)
    n_blank = len(text) - len(text.lstrip())
    cut = min(n_blank, start)
    room = WIDTH - 12 - len(str(finding.line))
    if len(text) - cut > room and end - cut > room:
        cut = max(cut, min(start, end - room))
    shown = text[cut : cut + room].rstrip()
    marks = " " * (start - cut) + "^" * max(1, min(end, cut + len(shown)) - start)
    gap = " " * len(str(finding.line))
    return [f"{finding.line} | {shown}", f"{gap} | {marks[:room]}"]


def _outcome_lines(outcome: Outcome) -> list[str]:
    head = f"  {outcome.rule}  {outcome.outcome}"
    text = f"{head}: {outcome.title}" if outcome.outcome == "passed" else f"{head} because {outcome.reason}"
    if outcome.outcome == "failed":
        text = f"{head}, a flaw of the doctor itself: {outcome.reason}"
    if outcome.outcome == "ignored":
        text = f"{head}: {outcome.reason}"
    return textwrap.wrap(text, WIDTH, subsequent_indent=" " * 7, break_long_words=False)


def shown_path(path: str | None) -> str:
    """The path from here, where that is shorter."""
    if not path:
        return ""
    if path.startswith("<"):
        return path
    relative = os.path.relpath(path)
    return relative if len(relative) < len(path) else str(Path(path))


def _labelled(label: str, text: str) -> list[str]:
    head = f"  {label:<{_LABEL}}"
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False)


def _fitting(line: str) -> Iterator[str]:
    """A line of a diff as it is, a long one of words wrapped."""
    room = WIDTH - _LABEL - 2
    is_code = line[:6].strip().split(" ")[0].isdigit() or line.lstrip().startswith(("+ ", "- "))
    if len(line) <= room or is_code:
        yield line
    else:
        yield from textwrap.wrap(line, room, subsequent_indent=" " * (len(line) - len(line.lstrip())))


def _wrapped(text: str, *, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False) or [""]
