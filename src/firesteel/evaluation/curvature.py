"""How strongly the loss of a trained net bends, and which lr gradient descent can bear there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Curvature:
    """How strongly the loss bends at the weights that were kept: eigenvalues of its second derivatives."""

    largest: float
    smallest: float  # nan where it was not measured
    momentum: float = 0.0

    @property
    def lr_limit(self) -> float:
        """The lr above which gradient descent leaves such a valley: 2 (1 + momentum) / largest. Source: Polyak 1964."""
        return 2 * (1 + self.momentum) / self.largest

    @property
    def condition(self) -> float:
        """How many times more the steepest direction bends than the flattest: as many times longer that one takes."""
        return self.largest / self.smallest if self.smallest > 0 else math.nan

    @property
    def sentence(self) -> str:
        said = f"the loss bends by {self.largest:.4g} in its steepest direction: sgd climbs out with an lr above "
        said += f"{self.lr_limit:.3g}"
        flat = f", and {self.condition:.3g} times less in its flattest" if self.condition > 1 else ""
        return said + flat

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Curvature:
        largest, smallest, momentum = (_number(record[name]) for name in ("largest", "smallest", "momentum"))
        return cls(largest, smallest, momentum)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
