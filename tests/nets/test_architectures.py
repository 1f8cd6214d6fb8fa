"""Nets made to the measure of the columns, and what is chosen where the recipe says nothing."""

from __future__ import annotations

import pytest

from firesteel.errors import NetError
from firesteel.nets import Columns, Net, build_net, input_net, set_dropout
from firesteel.nets.architectures import N_DEEP_ROWS, N_ONE_HOT_LEVELS, N_PERIODIC_COLUMNS, N_PERIODIC_ROWS
from firesteel.recipe import make_recipe

MANY = N_ONE_HOT_LEVELS + 2  # codes of a column with one level too many for one-hot, and the unknown


def built(columns, *, n_rows=100, dropout=0.0, d_out=2, **options):
    net, choices = build_net(make_recipe(**options), columns, d_out=d_out, n_rows=n_rows, dropout=dropout)
    return net, {choice.name: choice for choice in choices}


def kinds(net: Net):
    branches = [[type(layer).__name__ for layer in branch.layers.layers] for branch in net.inputs.branches]
    return branches, [type(layer).__name__ for layer in net.body.layers]


def test_every_kind_of_column_gets_its_branch_and_fixed_ones_come_first():
    net, _ = built(Columns(3, (1,), (4, MANY, MANY - 1)), periodic=True)
    branches, _ = kinds(net)
    assert branches == [["OneHot"], ["MissingFlag"], ["Impute", "RobustScale", "Periodic"], ["Embedding"]]
    assert net.inputs.branches[0].layers.layers[0].columns == (0, 2)
    assert net.inputs.branches[3].layers.layers[0].n_levels == (MANY,)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (Columns(2, (), ()), [["Impute", "RobustScale"]]),
        (Columns(0, (), (3,)), [["OneHot"]]),
        (Columns(0, (), (MANY,)), [["Embedding"]]),
    ],
    ids=["numbers", "few levels", "many levels"],
)
def test_no_branch_is_made_for_columns_that_are_not_there(columns, expected):
    net, _ = built(columns)
    assert kinds(net)[0] == expected
    assert net.d_out == 2


def test_no_column_at_all_is_a_net_error():
    with pytest.raises(NetError, match="reads at least one column"):
        built(Columns(0, (), ()))


def test_the_body_is_what_the_recipe_asks_for():
    net, choices = built(Columns(2, (), ()), d_hidden=(9, 5), activation="tanh", norm="layer", dropout=0.25, d_out=3)
    unit = ["Linear", "LayerNorm", "Tanh", "Dropout"]
    assert kinds(net)[1] == [*unit, *unit, "Linear"]
    assert net.body.widths(2) == [2, 9, 9, 9, 9, 5, 5, 5, 5, 3]
    assert set(choices) == {"periodic", "scaling"}  # all else was asked for


def test_a_linear_net_has_no_hidden_layer_and_nothing_to_choose():
    net, choices = built(Columns(2, (), ()), net="linear", d_hidden=(9,), periodic=True, dropout=0.5)
    assert kinds(net)[1] == ["Linear"]
    assert set(choices) == {"scaling"}


@pytest.mark.parametrize(
    ("n_rows", "n_num", "expected"),
    [
        (N_PERIODIC_ROWS - 1, 3, False),
        (N_PERIODIC_ROWS, 3, True),
        (N_PERIODIC_ROWS, N_PERIODIC_COLUMNS + 1, False),
        (N_PERIODIC_ROWS, 0, False),
    ],
)
def test_numbers_are_embedded_where_rows_are_many_and_columns_few(n_rows, n_num, expected):
    net, choices = built(Columns(n_num, (), (3,)), n_rows=n_rows)
    assert choices["periodic"].value is expected
    assert choices["periodic"].reason
    assert any("Periodic" in branch for branch in kinds(net)[0]) == expected


def test_more_rows_get_a_deeper_net():
    few, many = (built(Columns(2, (), ()), n_rows=n)[1]["d_hidden"] for n in (N_DEEP_ROWS - 1, N_DEEP_ROWS))
    assert len(many.value) > len(few.value)
    assert f"{N_DEEP_ROWS:,}" in many.reason


def test_another_dropout_rate_changes_nothing_else():
    net, _ = built(Columns(2, (), ()), dropout=0.25)
    assert set_dropout(set_dropout(net, 0.5), 0.25) == net
    assert set_dropout(net, 0.5) != net


def test_before_a_users_module_stand_fixed_layers_alone():
    net = input_net(Columns(3, (1,), (4, MANY)))
    assert not net.params()
    assert net.d_dense == 3 + 1 + 3 + MANY - 1
