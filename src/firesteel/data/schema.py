"""What the columns of a table are: kinds, the target, and what was decided why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from firesteel.recipe import Kind, Task


@dataclass(frozen=True)
class Column:
    """One column: its kind, whether the net reads it, and why."""

    name: str
    kind: Kind
    reason: str  # "12 different values in 891 rows"
    is_used: bool  # False: left out (id, constant, text, leak, dropped by the user), and `reason` says so
    n_missing: int = 0
    n_unique: int = 0
    is_leak: bool = False  # alone it gives the target away; it is used only where the user keeps it


@dataclass(frozen=True)
class Target:
    """The column to predict."""

    name: str
    task: Task
    reason: str
    classes: tuple[str, ...] = ()  # labels in the order of the class codes; () for a regression
    n_missing: int = 0  # rows left out because their target is missing


@dataclass(frozen=True)
class Schema:
    """All columns but the target in file order, and the target; `notices` are sentences for the user."""

    columns: tuple[Column, ...]
    target: Target
    notices: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[Column, ...]:
        """The columns that the net reads, in file order."""
        return tuple(column for column in self.columns if column.is_used)

    @property
    def leaks(self) -> tuple[Column, ...]:
        """The columns that alone give the target away, used or not."""
        return tuple(column for column in self.columns if column.is_leak)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
