"""What the doctor says: findings, one outcome a rule, and the whole verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from firesteel.doctor.shields import Failure

Level = Literal["E", "W", "N"]
LEVELS: Mapping[Level, str] = {"E": "error", "W": "warning", "N": "note"}


@dataclass(frozen=True)
class Finding:
    """A bug with its place, its evidence and its fix."""

    rule: str  # "O01"
    level: Level  # E certain, W likely to hurt, N worth knowing
    path: str
    line: int  # from 1; 0 where there is none
    column: int  # from 1
    end_column: int  # from 1, behind the last character; of the same line
    message: str  # what is wrong, in one sentence
    evidence: str  # what was seen, in numbers
    why: str  # why it hurts
    fix: str  # a small diff, or words where no diff can be written
    source: str = ""  # the source line

    def to_dict(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "level": self.level,
            "file": self.path,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "evidence": self.evidence,
            "why": self.why,
            "fix": self.fix,
        }


@dataclass(frozen=True)
class Outcome:
    """What became of one rule: every rule answers exactly once."""

    rule: str
    title: str
    outcome: Literal["finding", "passed", "not applicable", "failed", "ignored"]
    reason: str = ""  # why it is not applicable or failed, or what was ignored

    def to_dict(self) -> dict[str, str]:
        return {"rule": self.rule, "outcome": self.outcome, "reason": self.reason}


@dataclass(frozen=True)
class Verdict:
    """All findings, worst first, and the outcome of each rule."""

    findings: tuple[Finding, ...]
    outcomes: tuple[Outcome, ...]
    seen: Mapping[str, int]  # how many steps, backwards, forwards ... were seen
    script: str | None = None
    script_exit: int | None = None  # what the script ended with; None for a block or a static look
    stopped: str = ""  # why it was cut short: "steps", "time", "interrupt", "error: ..." or ""
    seconds: float = 0.0  # of the script
    judging_s: float = 0.0  # of the rules
    unjudged: str = ""  # why there was nothing that could be judged; "" where there was
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = field(default=(), repr=False)

    @property
    def is_clean(self) -> bool:
        """No error and no warning was found."""
        return not any(one.level in ("E", "W") for one in self.findings)

    def to_dict(self) -> dict[str, Any]:
        return {
            "findings": [one.to_dict() for one in self.findings],
            "rules": [one.to_dict() for one in self.outcomes],
            "seen": dict(self.seen),
            "unjudged": self.unjudged,
            "notes": list(self.notes),
            "failures": [{"doing": one.doing, "error": one.error} for one in self.failures],
            "script_exit": self.script_exit,
            "stopped": self.stopped,
            "seconds": round(self.seconds, 3),
        }
