"""From what the members say to one answer: probabilities that sum to 1, or a number in the target's own units."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from firesteel.errors import ModelError
from firesteel.recipe import Task


@dataclass(frozen=True)
class Readout:
    """How logits become probabilities, and standardised predictions the target's units."""

    task: Task
    temperature: float = 1.0  # logits are divided by it; above 1 the net was too sure of itself
    centre: float = 0.0  # mean of the target over the training rows
    scale: float = 1.0  # its standard deviation there

    def of_members(self, z: Tensor) -> Tensor:
        """Each member's own answer: proba `(..., n_classes)`, or pred `(...)`, from `z` `(..., d_out)`."""
        if self.task == "regression":
            return z.squeeze(-1) * self.scale + self.centre
        logits = z / self.temperature
        if logits.shape[-1] > 1:
            return torch.softmax(logits, -1)
        proba = torch.sigmoid(logits)
        return torch.cat([1 - proba, proba], dim=-1)

    def answer(self, z: Tensor) -> Tensor:
        """The members' average: proba `(n_rows, n_classes)` or pred `(n_rows,)` from `z` `(k, n_rows, d_out)`."""
        return self.of_members(z.double()).mean(0)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, record: object) -> Readout:
        """Raises ModelError for what `to_dict` does not write."""
        try:
            readout = TypeAdapter(cls).validate_python(record)
        except ValidationError as error:
            raise _strange(str(error.errors()[0]["msg"])) from None
        numbers = (readout.temperature, readout.centre, readout.scale)
        if not (all(map(math.isfinite, numbers)) and readout.temperature > 0 and readout.scale > 0):
            raise _strange("temperature {}, centre {}, scale {}".format(*numbers))
        return readout


def _strange(found: str) -> ModelError:
    return ModelError("a readout must be as fit wrote it", found=found, hint="fit the model again")


class AnswerModule(nn.Module):
    """All members and the readout in plain PyTorch: `(x_num, x_cat)` to proba or pred, as `Model.predict` gives.

    `members[i](x_num, x_cat)` gives one member's logits, or its prediction in standard deviations of the target.
    """

    def __init__(self, members: list[nn.Module], readout: Readout) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.readout = readout

    def forward(self, x_num: Tensor, x_cat: Tensor) -> Tensor:
        z = torch.stack([member(x_num, x_cat) for member in self.members])
        return self.readout.of_members(z).mean(0)
