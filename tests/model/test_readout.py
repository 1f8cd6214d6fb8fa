"""From logits to answers: probabilities, units, and the same in plain torch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from firesteel.errors import ModelError
from firesteel.model import Readout
from firesteel.model.readout import AnswerModule

Z = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_members_average_their_probabilities_not_their_logits():
    answer = Readout("multiclass").answer(Z)
    torch.testing.assert_close(answer, sum(torch.softmax(z, 1) for z in Z) / 3)
    torch.testing.assert_close(answer.sum(1), torch.ones(7, dtype=torch.float64))


def test_one_logit_is_two_classes():
    logit = Z[..., :1]
    both = torch.cat([torch.zeros_like(logit), logit], dim=-1)
    readout = Readout("binary", temperature=1.7)
    torch.testing.assert_close(readout.answer(logit), readout.answer(both))


def test_a_temperature_above_1_makes_answers_less_sure():
    calm, sure = (Readout("multiclass", temperature=t).answer(Z) for t in (2.0, 1.0))
    assert calm.max(1).values.mean() < sure.max(1).values.mean()
    assert torch.equal(Readout("multiclass", temperature=2.0).answer(Z[:1]).argmax(1), Z[0].argmax(1))


def test_a_regression_answers_in_the_targets_units():
    answer = Readout("regression", centre=100.0, scale=10.0).answer(Z[..., :1])
    torch.testing.assert_close(answer, Z[..., 0].mean(0) * 10 + 100)


class Fixed(nn.Module):
    """A member that says what it was told."""

    def __init__(self, z):
        super().__init__()
        self.z = z

    def forward(self, x_num, x_cat):
        return self.z


@pytest.mark.parametrize(
    ("readout", "d_out"),
    [(Readout("multiclass", 1.3), 4), (Readout("binary", 0.8), 1), (Readout("regression", 1.0, 5.0, 2.0), 1)],
    ids=lambda value: getattr(value, "task", None),
)
def test_the_torch_module_gives_the_same_answers(readout, d_out):
    module = AnswerModule([Fixed(z[:, :d_out]) for z in Z], readout)
    torch.testing.assert_close(module(None, None), readout.answer(Z[..., :d_out]))


def test_a_readout_survives_its_record():
    readout = Readout("regression", 1.0, 3.5, 0.25)
    assert Readout.from_dict(readout.to_dict()) == readout


VALUES = st.none() | st.text(max_size=3) | st.floats() | st.integers() | st.lists(st.floats(), max_size=2)


@given(st.dictionaries(st.sampled_from(["task", "temperature", "centre", "scale", "extra"]), VALUES) | VALUES)
def test_any_record_is_a_readout_or_a_model_error(record):
    try:
        readout = Readout.from_dict(record)
    except ModelError:
        return
    assert torch.isfinite(readout.answer(torch.ones(1, 2, 1))).all()


@pytest.mark.parametrize(
    "edit", [{"temperature": 0.0}, {"temperature": float("nan")}, {"scale": -1.0}, {"centre": float("inf")}], ids=str
)
def test_numbers_that_would_spoil_every_answer_are_refused(edit):
    with pytest.raises(ModelError, match="as fit wrote it"):
        Readout.from_dict(Readout("regression").to_dict() | edit)
