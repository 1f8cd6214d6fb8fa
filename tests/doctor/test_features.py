"""PyTorch's own looking glasses show a script the same with the doctor as without it."""

from __future__ import annotations

import contextlib
import io
import runpy
from pathlib import Path

import pytest
import torch

from firesteel.doctor import examine

HEAD = """
import copy, inspect, pickle, weakref
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(32, 4)
y = (x[:, 0] > 0).long()
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

def step():
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()
print(step())
"""

FEATURES = {
    "function mode": """
seen = []
class Mode(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        seen.append(func.__name__)
        return func(*args, **(kwargs or {}))
with Mode():
    step()
print(seen)
""",
    "dispatch mode": """
from torch.utils._python_dispatch import TorchDispatchMode
seen = []
class Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        seen.append(str(func))
        return func(*args, **(kwargs or {}))
with Mode():
    step()
print(seen)
""",
    "counted work": """
from torch.utils.flop_counter import FlopCounterMode
with FlopCounterMode(display=False) as counter:
    step()
print(counter.get_total_flops())
""",
    "subclass": """
class Named(torch.Tensor):
    pass
given = x.as_subclass(Named)
print(type(F.relu(given)).__name__, type(given + 1).__name__, type(net(given)).__name__)
""",
    "stand-in": """
class StandIn:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return func.__name__
print(torch.add(StandIn(), 1), F.relu(StandIn()), torch.cat([StandIn()]), F.cross_entropy(StandIn(), y))
""",
    "signatures": """
for one in (F.cross_entropy, nn.Module.train, torch.optim.SGD.step, torch.Tensor.backward, nn.Linear.__init__,
            torch.utils.data.DataLoader.__init__, nn.utils.clip_grad_norm_, torch.autograd.backward):
    print(one.__name__, one.__module__, inspect.signature(one), len(inspect.getsource(one)))
""",
    "pickles": """
for one in (F.cross_entropy, torch.relu, torch.optim.SGD, nn.Linear):
    print(pickle.loads(pickle.dumps(one)) is one)
print(pickle.loads(pickle.dumps(net)), len(copy.deepcopy(optimizer).param_groups))
""",
    "hooks": """
seen = []
net[0].register_forward_hook(lambda *_: seen.append("forward"))
net[0].register_full_backward_hook(lambda *_: seen.append("backward"))
net[0].weight.register_hook(lambda _: seen.append("gradient"))
optimizer.register_step_post_hook(lambda *_: seen.append("step"))
print(step(), seen)
""",
    "functional transforms": """
weights = {name: one.detach() for name, one in net.eval().named_parameters()}
loss = lambda p, a, b: F.cross_entropy(torch.func.functional_call(net, p, (a[None],)), b[None])
grads = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(weights, x, y)
print({name: one.norm().item() for name, one in grads.items()})
print(torch.func.jacrev(lambda a: F.log_softmax(a, -1))(x[0]))
""",
    "tracers": """
print(torch.fx.symbolic_trace(net).code)
print(torch.jit.trace(net.eval(), x)(x).sum().item(), torch.jit.script(net)(x).sum().item())
""",
    "fake tensors": """
from torch._subclasses.fake_tensor import FakeTensorMode
with FakeTensorMode():
    print(nn.Linear(4, 2)(torch.randn(5, 4)).shape)
with torch.device("meta"):
    print(nn.Linear(4, 2)(torch.randn(5, 4)).shape)
""",
    "default device": """
torch.set_default_device("cpu")
print(step())
torch.set_default_device("cpu")
with torch.device("meta"):
    print(step(), torch.ones(2).device)
torch.set_default_device(None)
print(torch._C._len_torch_function_stack())
""",
    "saved tensors": """
seen = []
with torch.autograd.graph.saved_tensors_hooks(lambda one: seen.append(one.shape) or one, lambda one: one):
    loss = F.cross_entropy(net(x), y)
loss.backward()
made = F.relu(x)
ref = weakref.ref(made)
del made
print(seen, ref() is None, loss.grad_fn.name(), dict(loss.grad_fn.metadata))
""",
}


@pytest.mark.filterwarnings("ignore")  # of the old tracers
@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_shows_what_it_shows_without_the_doctor(name: str, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(HEAD + FEATURES[name] + "\nprint(step(), torch.rand(1))\n")
    shown = []
    for run in (lambda: runpy.run_path(str(path), run_name="__main__"), lambda: examine(path, only=["L01"])):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            run()
        shown.append(out.getvalue())
        assert torch._C._len_torch_function_stack() == 0
    assert shown[0] == shown[1]
    assert shown[0].count("\n") > 2
