"""O04: trainable parameters in no optimizer."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import ClassVar

from firesteel.doctor.facts import Facts, Optimizer, Param, Step
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.owners import spelled
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, called
from firesteel.doctor.updates import (
    is_anything_changed,
    is_registered,
    is_used_inside,
    left_alone,
    may_give_more,
    misses_its_loss,
    reads_of_gradients,
    steps_of,
    updates_by_hand,
)

#: So many gradients are a training.
FEWEST = 2


class InNoOptimizer(Rule):
    id: ClassVar[str] = "O04"
    title: ClassVar[str] = "trainable parameters in no optimizer"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A part of the net gets gradients, but the optimizer was never given its parameters: it keeps the random "
        "values with which it began, while the rest learns around it."
    )
    detected: ClassVar[str] = (
        "Each backward tells which parameters its loss reaches. The finding is there if some of them got gradients "
        "again and again, are in no optimizer, and nothing else ever changed them, while an optimizer stepped on "
        "others of the same loss."
    )
    silent: ClassVar[str] = (
        "Frozen parameters, parts that were loaded, copied or trained before, weights that are changed by hand (moving "
        "averages), inputs that need gradients, images or prompts that are optimised through a net, nets in "
        "evaluation mode, and parameters that join an optimizer later (of a run that was stopped before its end "
        "a note, where the rest of the script may give them to one)."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 8)
encoder, decoder = nn.Linear(8, 3), nn.Linear(3, 8)
optimizer = torch.optim.Adam(decoder.parameters(), lr=0.01)
for epoch in range(20):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(decoder(encoder(x).tanh()), x)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("decoder.parameters()", "[*encoder.parameters(), *decoder.parameters()]")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        stepped = [one for one in facts.optimizers if one.n_steps >= FEWEST]
        if not stepped:
            if not any(one.n_by_hand for one in facts.params):
                raise NotApplicable("no optimizer stepped and no weight was changed by hand")
            yield from self._by_hand(case)
            return
        is_idle = any(misses_its_loss(facts, one) for one in stepped if not one.ever_with_gradient)
        held = [one for optimizer in stepped for one in optimizer.params]
        if not is_idle and not any(one.name or not one.is_parameter for one in held):
            raise NotApplicable("what is optimised belongs to no net")
        left = left_alone(facts, anyhow=is_idle)
        forgotten = [one for one in left if self._is_meant_to_learn(facts, one, held, is_idle)]
        of: dict[int, tuple[Optimizer, list[Param]]] = {}
        for param in forgotten:
            optimizer = _nearest(facts, param, stepped)
            of.setdefault(id(optimizer), (optimizer, []))[1].append(param)
        for optimizer, params in of.values():
            found = self._describe(case, optimizer, params)
            source = case.sources[found.path]
            if facts.stopped and optimizer.site is not None and may_give_more(facts, source, optimizer.site):
                why = "unless the rest of the script gives them to an optimizer, this part keeps its values"
                found = replace(found, level="N", why=why)
            yield found

    def _is_meant_to_learn(self, facts: Facts, param: Param, held: list[Param], is_idle: bool) -> bool:
        if param.n_backwards < FEWEST or param.is_made_inside:
            return False
        if is_registered(facts, param):  # to optimise an image through a net is no training of the net
            return (is_idle or any(one.name for one in held)) and not (
                _is_set_apart(facts, param) and is_anything_changed(facts)
            )
        if is_used_inside(facts, param):  # O05
            return False
        if param.is_parameter:
            return True
        is_among_raw = any(not one.is_parameter for one in held)
        return not _may_be_data(facts, param) and (is_among_raw or _joins_the_answer(facts, param))

    def _describe(self, case: Case, optimizer: Optimizer, params: list[Param]) -> Finding:
        steps = steps_of(case.facts, optimizer)
        site = optimizer.site if optimizer.site is not None else steps[0].site
        source, is_frozen = case.sources.of(site), _is_frozen(steps)
        names = spelled(params, case.facts.variables, source, site)
        places = dict.fromkeys(_place(case, one) for one in params)
        n = len(params)
        return self.finding(
            site,
            message=f"{n} trainable parameter{'s are' if n > 1 else ' is'} in no optimizer: made at "
            + ", ".join([*places][:3]),
            evidence=f"{'they' if n > 1 else 'it'} got gradients in {max(one.n_backwards for one in params)} "
            f"backwards; {_says_steps(optimizer, is_frozen=is_frozen)}",
            why="this part keeps its random values",
            fix=_give(source, site, params, names, is_instead=is_frozen),
        )

    def _by_hand(self, case: Case) -> Iterator[Finding]:
        facts = case.facts
        changed = [one for one in facts.params if one.n_by_hand >= FEWEST]
        if not changed:
            return
        shapes = {one.is_parameter for one in changed}
        forgotten = [
            one for one in left_alone(facts)
            if one.n_backwards >= max(FEWEST, changed[0].n_backwards // 2) and one.is_parameter in shapes
            and not _may_be_data(facts, one)
            and (is_registered(facts, one) or not is_used_inside(facts, one))
        ]  # fmt: skip
        update = next(chain(updates_by_hand(facts), reads_of_gradients(facts)), None)
        if not forgotten or update is None:
            return
        site = update[0].site
        yield self.finding(
            site,
            message=f"{len(forgotten)} of the weights that get gradients {'are' if len(forgotten) > 1 else 'is'} never "
            "changed: made at " + ", ".join([*dict.fromkeys(_place(case, one) for one in forgotten)][:3]),
            evidence=f"gradients came in {forgotten[0].n_backwards} backwards; {len(changed)} others were changed "
            f"up to {max(one.n_by_hand for one in changed)} times",
            why="this weight keeps the value with which it began",
            fix="change it beside the others",
        )


def _nearest(facts: Facts, param: Param, stepped: list[Optimizer]) -> Optimizer:
    """The optimizer that stepped most often on a loss that reaches this parameter."""
    idle = [one for one in stepped if not one.ever_with_gradient]
    if idle:  # it was given the parameters of another
        return idle[0]
    counts = {id(one): 0 for one in stepped}
    for step in facts.steps:
        if any(id(param) in one.reached for one in step.applied):
            counts[id(step.optimizer)] = counts.get(id(step.optimizer), 0) + 1
    return max(stepped, key=lambda one: counts[id(one)])


def _is_frozen(steps: list[Step]) -> bool:
    """All that an optimizer holds had requires_grad=False at its steps."""
    return all(one.n_frozen == one.n_params for one in steps)


def _says_steps(optimizer: Optimizer, *, is_frozen: bool) -> str:
    steps, n = f"{optimizer.n_steps} steps of the {optimizer.kind}", len(optimizer.params)
    if is_frozen:
        return f"{steps} changed nothing, as all {n} that it holds are frozen (requires_grad=False)"
    return f"{steps} changed {n} others" if optimizer.ever_with_gradient else f"{steps} had no gradient to apply"


def _is_set_apart(facts: Facts, param: Param) -> bool:
    """Its net was in evaluation mode whenever it was called: it only measures, as the net of a perceptual loss."""
    calls = [one for one in facts.forwards if any(held is param for held in one.module.params)]
    return bool(calls) and not any(one.is_training for one in calls)


def _joins_the_answer(facts: Facts, param: Param) -> bool:
    """It is made one with what a net gave, as a scale or a weight of a loss is, and was in nothing that a net took."""
    given = [one for forward in facts.trained() for one in forward.inputs]
    given += [one.target for one in facts.losses if one.target is not None]
    if any(one.param is param for start in given for one in start.walk()):
        return False
    answers = {id(one) for forward in facts.trained() for one in forward.outputs}
    joined = [made for made in facts.ops if made.requires_grad and len(made.parents) > 1]
    joined = [made for made in joined if any(origin(one).param is param for one in made.parents)]
    return any(id(one) in answers for made in joined for one in made.walk())


def _may_be_data(facts: Facts, param: Param) -> bool:
    """As many rows as the loss has: a table of inputs that needs gradients looks like this."""
    n_rows = {one.input.shape[0] for one in facts.losses if one.input.shape} | {
        made.shape[0] for one in facts.backwards if one.made is not None for made in one.made.parents if made.shape
    }
    return bool(param.shape) and param.shape[0] > 1 and param.shape[0] in n_rows and param.name == ""


def _place(case: Case, param: Param) -> str:
    if param.site is None:
        return param.name or "an unknown line"
    text = case.sources.of(param.site).line(param.site.line).strip()
    return f"line {param.site.line} `{text[:60]}`"


def _give(source: Source, site: Site, params: list[Param], names: list[str], *, is_instead: bool) -> str:
    line = f"{site.line:>4}   {source.line(site.line)}"
    made = max((one.site.line for one in params if one.site is not None and one.site.code is site.code), default=0)
    if made > site.line:
        return f"{line}\n     move this line below line {made}, which makes what is to learn"
    given = _given(source, site)
    if names and is_instead:
        new = names[0].removeprefix("*") if len(names) == 1 else f"[{', '.join(names)}]"
        if given is not None:
            return f"{source.replace_node(given, new)}\n     what it holds now is frozen"
        return f"{line}\n     give it {new}: what it holds now is frozen"
    if names and given is not None:
        return source.replace_node(given, f"[*{source.text_of(given)}, {', '.join(names)}]")
    owners = list(dict.fromkeys(one.name.rpartition(".")[0] for one in params if "." in one.name))
    those = f"the parameters of {', '.join(owners[:4])}" if owners else "them"
    if is_instead:
        return f"{line}\n     give it {those}: what it holds now is frozen"
    added = f"add {', '.join(names[:4])}" if names else f"add {those}"
    return f"{line}\n     {added} to the parameters that it is given, e.g. [*these, *those]"


def _given(source: Source, site: Site) -> ast.Call | None:
    """`net.parameters()` where a site ran `SGD(net.parameters(), ...)`."""
    node = source.node_at(site)
    given = node.args[0] if isinstance(node, ast.Call) and node.args else None
    is_plain = isinstance(given, ast.Call) and not given.args and called(given) == "parameters"
    return given if isinstance(given, ast.Call) and is_plain else None
