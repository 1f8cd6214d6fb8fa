"""How strongly the loss of a trained net bends, and which lr gradient descent can bear there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: Conditions up to this are those of a bowl: nobody has to know of its flattest direction.
NEARLY_ROUND = 1.01


@dataclass(frozen=True)
class Curvature:
    """How strongly the loss bends at the weights that were kept: eigenvalues of its second derivatives."""

    largest: float
    smallest: float  # nan where it was not measured
    momentum: float = 0.0
    nesterov: bool = False

    @property
    def lr_limit(self) -> float:
        """The lr above which gradient descent leaves such a valley.

        A step on a curvature h has the characteristic polynomial z^2 - (1 + m - lr h) z + m, or with Nesterov's look
        ahead z^2 - (1 + m)(1 - lr h) z + m (1 - lr h); its roots stay within 1 up to 2 (1 + m) / h, or to
        2 (1 + m) / ((1 + 2 m) h).
        """
        m = self.momentum
        return 2 * (1 + m) / self.largest / (1 + 2 * m if self.nesterov else 1)

    @property
    def condition(self) -> float:
        """How many times more the steepest direction bends than the flattest: as many times longer that one takes."""
        return self.largest / self.smallest if self.smallest > 0 else math.nan

    @property
    def sentence(self) -> str:
        said = f"the loss bends by {self.largest:.4g} in its steepest direction: sgd climbs out with an lr above "
        said += f"{self.lr_limit:.3g}"
        flat = f", and {self.condition:.3g} times less in its flattest" if self.condition > NEARLY_ROUND else ""
        return said + flat

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Curvature:
        largest, smallest, momentum = (_number(record[name]) for name in ("largest", "smallest", "momentum"))
        return cls(largest, smallest, momentum, bool(record["nesterov"]))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
