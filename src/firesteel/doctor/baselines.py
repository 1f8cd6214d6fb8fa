"""What the best constant answer would cost: the loss of a net that has learnt nothing from its inputs."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from firesteel.doctor.facts import Made
from firesteel.doctor.lineage import SAME_NUMBERS
from firesteel.doctor.reexecuting import Expression

_CLASSES = {"cross_entropy", "nll_loss"}
_PROBABILITIES = {"binary_cross_entropy", "binary_cross_entropy_with_logits"}
_DISTANCES = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
_PER_NUMBER = {"abs", "pow", "square", "mean", "sum", "mul", "float"}
_LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class Question:
    """What a loss compares: the prediction, which depends on parameters, and the target, which does not."""

    kind: str  # the name of the loss; "sub" where the distance is written by hand
    made: Made
    prediction: Made
    target: Made

    @property
    def is_regression(self) -> bool:
        return self.kind in _DISTANCES or self.kind == "sub"


def question_of(expression: Expression) -> Question | None:
    """The one comparison with a target in a loss; None where there is none, or several."""
    found = [one for made in expression.dependent if (one := _question(expression, made)) is not None]
    return found[0] if len(found) == 1 else None


def _question(expression: Expression, made: Made) -> Question | None:
    if made.op in _CLASSES | _PROBABILITIES | _DISTANCES:
        prediction, target = made.argument(0, "input"), made.argument(1, "target")
        if not isinstance(prediction, Made) or not isinstance(target, Made):
            return None
        if made.op in _DISTANCES and expression.depends(target) and not expression.depends(prediction):
            prediction, target = target, prediction
    elif made.op in ("sub", "rsub") and len(made.args) == 2 and not made.is_in_place:
        if not all(isinstance(one, Made) for one in made.args) or not _is_error(expression, made):
            return None
        prediction, target = made.args
        if expression.depends(target):
            prediction, target = target, prediction
        if not target.dtype or not target.dtype.is_floating_point or prediction.shape != target.shape:
            return None
    else:
        return None
    if expression.depends(target) or not expression.depends(prediction) or not prediction.shape:
        return None
    return Question(made.op, made, prediction, target)


def _is_error(expression: Expression, made: Made) -> bool:
    """Only squares, absolute values and means of the difference go on to the loss."""
    users = [one for one in expression.dependent if any(parent is made for parent in one.parents)]
    while len(users) == 1:
        if users[0].op not in _PER_NUMBER | SAME_NUMBERS:
            return False
        if users[0] is expression.loss:
            return True
        users = [one for one in expression.dependent if any(parent is users[0] for parent in one.parents)]
    return False


def constant_answer(questions: list[Question], targets: list[torch.Tensor]) -> torch.Tensor | None:
    """The prediction, without its rows, that costs least whatever the row; None where that cannot be said."""
    one = questions[0]
    if one.kind in _CLASSES:
        return _of_classes(one, targets)
    if any(target.shape[1:] != targets[0].shape[1:] or target.dim() == 0 for target in targets):
        return None
    rows = torch.cat([target.double() for target in targets])
    if one.kind in ("l1_loss", "smooth_l1_loss", "huber_loss"):
        return rows.median(0).values
    mean = rows.mean(0)
    if one.kind in _PROBABILITIES:
        mean = mean.clamp(_LEAST, 1 - _LEAST)
        return torch.logit(mean) if one.kind.endswith("logits") else mean
    return mean


def _of_classes(question: Question, targets: list[torch.Tensor]) -> torch.Tensor | None:
    n_classes = question.prediction.shape[1 if len(question.prediction.shape) > 1 else 0]
    if targets[0].is_floating_point():
        rows = torch.cat([target.double().movedim(1, -1).reshape(-1, n_classes) for target in targets])
        shares = rows.mean(0)
    else:
        flat = torch.cat([target.reshape(-1) for target in targets]).long()
        flat = flat[(flat >= 0) & (flat < n_classes)]
        if not len(flat):
            return None
        shares = torch.bincount(flat, minlength=n_classes).double() / len(flat)
    return shares.clamp_min(_LEAST).log()


def as_rows(question: Question, answer: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The constant answer in the shape of a prediction."""
    answer = answer.to(like.device, like.dtype)
    if question.kind in _CLASSES and like.dim() > 1:
        return answer.reshape(1, -1, *([1] * (like.dim() - 2))).expand_as(like)
    return answer.expand_as(like)
