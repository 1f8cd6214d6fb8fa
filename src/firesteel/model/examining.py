"""The doctor over our own training: some steps of it once more, as a stranger would write them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from firesteel.doctor import Diagnosis, is_watching, watch
from firesteel.evaluation import Notice
from firesteel.model.material import Material
from firesteel.nets import LOSSES
from firesteel.training import Plan

N_STEPS = 8
N_HELD = 256

#: Rules that need no replay and judge what so few steps can show: losses, graph, shapes, broken numbers, start weights.
RULES = ("L", "G01", "G02", "S01", "S02", "S07", "D07", "D08")


def watch_training(net: nn.Module, material: Material, *, x: tuple[Tensor, Tensor], y: Tensor, plan: Plan) -> Diagnosis:
    """What the doctor finds in eight steps and one evaluation of `net`, a member with its start weights, which changes.

    The loop is autograd with the plan's loss, lr and batch size, so that rules see what they see of anybody's script;
    steps are plain gradient steps, as PyTorch's first optimizer of a process takes 2 s to import. Random states are
    left as they were. Inside a script that runs under the doctor nothing is done: those steps would be taken for the
    script's own.
    """
    if is_watching():
        return Diagnosis((), (), {}, notes=("a doctor was watching already",))
    rng = np.random.default_rng(plan.seed)
    n = min(plan.batch_size, material.n_learned)
    order = torch.from_numpy(rng.permutation(material.n_train))
    held = torch.from_numpy(material.judged[:N_HELD]) if len(material.judged) else order[:N_HELD]
    with torch.random.fork_rng(), watch(only=RULES, probes=False) as seen:
        net.train()
        for step in range(N_STEPS):
            rows = order[torch.arange(step * n, (step + 1) * n) % len(order)]
            _loss(net(*(part[rows] for part in x)), y[rows], plan).backward()
            _descend(net, plan.lr[0])
        net.eval()
        with torch.no_grad():
            net(*(part[held] for part in x))
    return seen.report


def _descend(net: nn.Module, lr: float) -> None:
    with torch.no_grad():
        for param in net.parameters():
            if param.grad is not None:
                param.sub_(param.grad, alpha=lr)
                param.grad = None


def _loss(z: Tensor, y: Tensor, plan: Plan) -> Tensor:
    if isinstance(plan.loss, LOSSES["cross_entropy"]):
        return functional.cross_entropy(z, y, label_smoothing=plan.label_smoothing[0])
    return plan.loss.rows(z, y).mean()


def doctor_notices(diagnosis: Diagnosis) -> tuple[Notice, ...]:
    """Errors and warnings as notices of the report."""
    return tuple(
        Notice("doctor", f"{one.rule} ({one.message}): {one.evidence}; firesteel explain {one.rule}")
        for one in diagnosis.findings
        if one.level in ("E", "W")
    )
