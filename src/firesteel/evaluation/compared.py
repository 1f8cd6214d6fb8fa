"""What each value of a compared setting came to, by val loss."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from firesteel.recipe import MAX_COMPARED

_Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class Compared:
    """One value of a list of settings, and how far training came with it."""

    settings: Annotated[Mapping[str, _Number], Field(min_length=1)]  # what differs from value to value
    val_loss: Annotated[float, Field(ge=0)]  # the best one, the mean over fold-members; inf = diverged
    best_epoch: Annotated[int, Field(ge=0)]  # from 1; 0 = none
    n_epochs: Annotated[int, Field(ge=0)]  # that were trained
    is_kept: bool

    @property
    def is_diverged(self) -> bool:
        return not math.isfinite(self.val_loss)

    @property
    def is_still_falling(self) -> bool:
        """Whether the last epoch was the best: longer training would help."""
        return self.best_epoch == self.n_epochs > 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe: a val loss that is no finite number is None."""
        return {
            "settings": {name: float(value) for name, value in self.settings.items()},
            "val_loss": None if self.is_diverged else float(self.val_loss),
            "best_epoch": self.best_epoch,
            "n_epochs": self.n_epochs,
            "is_kept": self.is_kept,
        }


def compared_from(records: Iterable[Mapping[str, Any]]) -> tuple[Compared, ...]:
    """Those of dicts of `to_dict`. Raises ValueError for what is none."""
    given = list(records)
    if len(given) > MAX_COMPARED:
        raise ValueError(f"{len(given):,} values were compared")
    read = [{**one, "val_loss": math.inf if one["val_loss"] is None else one["val_loss"]} for one in given]
    found = TypeAdapter(tuple[Compared, ...]).validate_python(read)
    if len({frozenset(one.settings) for one in found}) > 1:
        raise ValueError("compared values are of the same settings")
    return found
