"""How the arrays of K members lie in one flat buffer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firesteel.nets import Layout
from firesteel.nets.layer import Param, ones, zeros

K = 3
PARAMS = (
    Param("a", (4, 2), lambda generator, shape: generator.standard_normal(shape)),
    Param("b", (1, 2), zeros),
    Param("c", (5, 1, 3), ones),
)


@pytest.fixture
def layout():
    return Layout(PARAMS, K)


@pytest.fixture
def buffer(layout):
    return torch.arange(float(layout.n_numbers))


def test_every_number_belongs_to_one_block(layout, buffer):
    blocks = layout.blocks(buffer)
    assert {name: tuple(block.shape) for name, block in blocks.items()} == {
        "a": (K, 4, 2),
        "b": (K, 1, 2),
        "c": (K, 5, 1, 3),
    }
    assert sorted(torch.cat([block.reshape(-1) for block in blocks.values()]).tolist()) == buffer.tolist()


def test_blocks_share_the_memory_of_the_buffer(layout, buffer):
    layout.blocks(buffer)["b"][1] = -1.0
    assert (buffer == -1).sum() == 2
    assert all(block.is_contiguous() for block in layout.blocks(buffer).values())


def test_a_single_member_is_seen_without_a_leading_dimension():
    layout = Layout(PARAMS, 1)
    views = layout.views(torch.zeros(layout.n_numbers))
    assert [tuple(view.shape) for view in views.values()] == [param.shape for param in PARAMS]


def test_picked_members_keep_their_numbers(layout, buffer):
    picked = layout.pick(buffer, [2, 0])
    for name, block in Layout(PARAMS, 2).blocks(picked).items():
        assert torch.equal(block, layout.blocks(buffer)[name][[2, 0]])


def test_gather_is_the_inverse_of_blocks(layout, buffer):
    blocks = {name: block.clone() for name, block in reversed(layout.blocks(buffer).items())}
    gathered = layout.gather(blocks, dtype=torch.float64, device=torch.device("cpu"))
    assert torch.equal(gathered, buffer.double())


def test_a_value_per_member_reaches_all_its_numbers(layout):
    spread = layout.per_number(torch.tensor([10.0, 20.0, 30.0]))
    for block in layout.blocks(spread).values():
        for i, value in enumerate((10.0, 20.0, 30.0)):
            assert (block[i] == value).all()


def test_start_values_are_what_a_plain_script_draws(layout):
    blocks = layout.blocks(torch.from_numpy(layout.start([7, 8, 7])))
    for i, seed in enumerate((7, 8, 7)):
        drawn = np.random.Generator(np.random.PCG64(seed)).standard_normal((4, 2))
        np.testing.assert_array_equal(blocks["a"][i], drawn)
    assert not blocks["b"].any()
    assert (blocks["c"] == 1).all()


def test_a_layout_without_params_is_empty():
    layout = Layout((), 2)
    assert layout.start([0, 1]).shape == (0,)
    assert layout.per_number(torch.ones(2)).shape == (0,)
    assert layout.pick(torch.zeros(0), [1]).shape == (0,)
