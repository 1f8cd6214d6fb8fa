"""The words of a recipe are those of the registries, so that none is offered that cannot be done."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest

from firesteel.evaluation import CONTENDERS
from firesteel.nets import ACTIVATIONS, LOSSES
from firesteel.nets.architectures import NORMS
from firesteel.recipe import PER_MEMBER, Recipe
from firesteel.training import OPTIMIZERS, SCHEDULES, Plan

REGISTRIES = {
    "activation": ACTIVATIONS,
    "norm": {"none": None, **NORMS},
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "baselines": {contender.name: contender for contender in CONTENDERS},
}


def words_of(kind: Any) -> set[str]:
    if get_origin(kind) is Literal:
        return set(get_args(kind))
    return {word for part in get_args(kind) for word in words_of(part)}


@pytest.mark.parametrize("field", REGISTRIES)
def test_every_word_of_a_field_is_in_its_registry(field):
    assert words_of(Recipe.model_fields[field].annotation) == set(REGISTRIES[field])


def test_what_a_recipe_can_list_a_plan_can_give_each_member():
    fields = Plan.__dataclass_fields__
    assert {"seeds" if name == "seed" else name for name in PER_MEMBER} <= set(fields)


def test_every_field_of_a_recipe_is_described():
    for name, field in Recipe.model_fields.items():
        assert field.description, name
        assert not field.description.endswith("."), name
