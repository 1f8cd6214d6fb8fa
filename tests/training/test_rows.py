"""Batches: every row once an epoch, in an order that a plain script can draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from firesteel.nets import LOSSES
from firesteel.training import Rows, fold_rows_of, rows
from firesteel.training.rows import N_SAMPLE_MIN, Batch, batches

N_ROWS, BATCH = 53, 8


@pytest.fixture
def numbered():
    """Rows that carry their number in both inputs and in y."""
    number = torch.arange(N_ROWS)
    return Rows((number.double().unsqueeze(1), number.unsqueeze(1)), number.double())


def epoch_of(source, *, epoch=0, k=1, seed=4, batch_size=BATCH):
    """Copies of all batches: the inputs of one may be overwritten by the next."""
    found = batches(source, LOSSES["mse"](1), batch_size=batch_size, seed=seed, epoch=epoch, k=k, dtype=torch.float64)
    return [replace(batch, inputs=tuple(x.clone() for x in batch.inputs)) for batch in found]


def test_every_row_comes_once_and_the_last_batch_is_smaller(numbered):
    found = epoch_of(numbered)
    assert [len(batch.t) for batch in found] == [8] * 6 + [5]
    assert torch.cat([batch.t for batch in found]).flatten().sort().values.tolist() == list(range(N_ROWS))
    for batch in found:
        assert torch.equal(batch.t[:, 0], batch.inputs[0][:, 0])
        assert torch.equal(batch.t[:, 0], batch.inputs[1][:, 0].double())
        assert batch.share == 1 / len(batch.t)


def test_the_order_is_what_a_plain_script_draws(numbered):
    for epoch in (0, 7):
        order = np.random.Generator(np.random.PCG64([4, epoch])).permutation(N_ROWS)
        found = torch.cat([batch.t for batch in epoch_of(numbered, epoch=epoch)])
        assert found.flatten().tolist() == order.tolist()


def test_gathering_rows_block_by_block_changes_nothing(numbered, monkeypatch):
    whole = epoch_of(numbered)
    monkeypatch.setattr(rows, "N_BLOCK_NUMBERS", 1)
    for batch, expected in zip(epoch_of(numbered), whole, strict=True):
        assert torch.equal(batch.t, expected.t)
        assert torch.equal(batch.inputs[1], expected.inputs[1])


def test_a_batch_larger_than_all_rows_holds_all_rows(numbered):
    (only,) = epoch_of(numbered, batch_size=1_000)
    assert len(only.t) == N_ROWS


def test_the_shares_of_a_batch_sum_to_1_for_every_member(numbered):
    folds = np.arange(N_ROWS) % 3
    train, _ = fold_rows_of(numbered, folds, members=np.arange(3), dtype=torch.float64)
    for batch in epoch_of(train, k=3):
        torch.testing.assert_close(batch.share.sum(1), torch.ones(3, 1, dtype=torch.float64))
        for member in range(3):
            is_own = torch.from_numpy(folds)[batch.t[:, 0].long()] == member
            assert (batch.share[member, is_own] == 0).all()
            assert (batch.seen[member, ~is_own] > 0).all()


def test_rows_count_by_their_weight(numbered):
    weight = torch.rand(N_ROWS, 1, dtype=torch.float64)
    for batch in epoch_of(Rows(numbered.inputs, numbered.y, weight), k=2):
        own = weight[batch.t[:, 0].long()]
        torch.testing.assert_close(batch.share, (own / own.sum()).expand(2, -1, -1))
        assert batch.seen is None


def test_a_batch_whose_rows_all_weigh_nothing_has_no_say(numbered):
    for batch in epoch_of(Rows(numbered.inputs, numbered.y, torch.zeros(N_ROWS, 1, dtype=torch.float64))):
        assert (batch.share == 0).all()


def test_the_sample_of_the_learning_curve_is_fixed_and_large_enough():
    number = torch.arange(5_000.0)
    source = Rows((number.unsqueeze(1),), number)
    sample = source.sample(3)
    assert sample.n_rows == 625
    assert len(sample.y.unique()) == 625
    assert torch.equal(sample.y, source.sample(3).y)
    assert not torch.equal(sample.y, source.sample(4).y)
    assert source.take(torch.arange(1_000)).sample(0).n_rows == N_SAMPLE_MIN
    assert source.take(torch.arange(20)).sample(0).n_rows == 20


def test_a_part_of_rows_lies_in_the_same_memory():
    rows = Rows((torch.randn(10, 3), torch.randn(10, 2)), torch.arange(10), torch.rand(10, 2), torch.ones(10, 2))
    part = rows.part(3, 7)
    assert part.n_rows == 4
    assert part.y.tolist() == [3, 4, 5, 6]
    assert torch.equal(part.weights, rows.weights[3:7])
    assert part.mask.shape == (4, 2)
    assert [x.data_ptr() for x in part.inputs] == [x[3:].data_ptr() for x in rows.inputs]


def test_a_part_of_rows_without_weights_has_none():
    part = Rows((torch.randn(10, 3),), torch.arange(10)).part(0, 4)
    assert part.weights is None
    assert part.mask is None


@pytest.mark.parametrize("k", [1, 2])
def test_the_parts_of_a_batch_are_the_batch_in_its_order(k):
    lead = (k,) if k > 1 else ()
    batch = Batch((torch.randn(7, 3), torch.randn(*lead, 7, 2)), torch.randn(7, 1), torch.rand(*lead, 7, 1))
    parts = batch.split(3)
    assert [len(part.t) for part in parts] == [3, 2, 2]
    assert torch.equal(torch.cat([part.t for part in parts]), batch.t)
    for i in range(2):
        assert torch.equal(torch.cat([part.inputs[i] for part in parts], dim=-2), batch.inputs[i])
    assert torch.equal(torch.cat([part.share for part in parts], dim=-2), batch.share)  # of the whole mean loss


def test_what_is_seen_in_a_part_counts_as_a_whole_there():
    seen = torch.tensor([[1.0, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]]).unsqueeze(-1)
    batch = Batch((torch.randn(6, 3),), torch.randn(6, 1), 1 / 6, seen / seen.sum(1, keepdim=True))
    first, second = (part.seen.squeeze(-1).tolist() for part in batch.split(2))
    assert first[0] == pytest.approx([0.5, 0.5, 0])
    assert second[0] == [0, 0, 0]  # nothing to see, and no division by 0
    assert first[1] == second[1] == pytest.approx([1 / 3] * 3)


def test_a_share_that_all_rows_have_stays_a_number():
    assert [part.share for part in Batch((torch.zeros(4, 1),), torch.zeros(4, 1), 0.25).split(2)] == [0.25, 0.25]
