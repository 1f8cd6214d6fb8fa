"""The rules of the loss in the styles in which people write: each mistake is found with its line."""

from __future__ import annotations

import pytest

_LM = """
y = torch.randint(0, 7, (60, 6))
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.r, self.o = nn.Embedding(7, 8), nn.GRU(8, 8, batch_first=True), nn.Linear(8, 7)
    def forward(self, ids):
        return F.log_softmax(self.o(self.r(self.e(ids))[0]), dim=1)
net = Net()
"""
_SHARES = "t = torch.softmax(torch.randn(60, 3), 1)"
_OWN_LOSS = """
class Smoothed(nn.Module):
    def forward(self, pred, target):
        logp = F.log_softmax(pred, dim=1)
        t = torch.full_like(logp, 0.05).scatter(1, target[:, None], 0.9)
        return -(t * logp).sum(1).mean()
criterion = Smoothed()
"""
_OWN_BINARY = """
class Weighted(nn.Module):
    def forward(self, pred, target):
        return F.binary_cross_entropy_with_logits(pred, target, pos_weight=torch.tensor([2.0]))
criterion = Weighted()
"""
_SOFTMAX_LAST = "net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))"
_RECURRENT = """
x = torch.randn(60, 5, 2)
y = 4 * x.sum(2, keepdim=True)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.r = nn.LSTM(2, 1, batch_first=True)
    def forward(self, x):
        return self.r(x)[0]
net = Net()
"""

SICK = {
    "L01 behind a clamp": ("torch.softmax(", {"loss": "F.cross_entropy(torch.softmax(net(xb), 1).clamp(1e-7, 1), yb)"}),
    "L01 written by hand": (
        "return e / e.sum",
        {
            "loss": "F.cross_entropy(net(xb), yb)",
            "forward": "e = self.b(h).exp(); return e / e.sum(1, keepdim=True)",
            "out": 3,
        },
    ),
    "L01 a layer called in forward": (
        "return self.act(self.b(h))",
        {
            "loss": "nn.CrossEntropyLoss()(net(xb), yb)",
            "forward": "return self.act(self.b(h))",
            "out": 3,
            "act": "nn.Softmax(dim=1)",
        },
    ),
    "L01 a loss of one's own": (
        "nn.Softmax",
        {"loss": "criterion(net(xb), yb)", "net": _SOFTMAX_LAST, "before": _OWN_LOSS},
    ),
    "L01 as logits of a distribution": (
        "probs = ",
        {
            "loss": "-d.log_prob(yb).mean()",
            "inside": "probs = net(xb).softmax(-1)\nd = torch.distributions.Categorical(logits=probs)",
        },
    ),
    "L01 twice before a logarithm": (
        "nn.Softmax",
        {"loss": "-(F.one_hot(yb, 3) * torch.log(net(xb).softmax(1))).sum(1).mean()", "net": _SOFTMAX_LAST},
    ),
    "L01 with weights of rows": (
        "p = ",
        {
            "loss": "(F.cross_entropy(p, yb, reduction='none') * torch.rand(30)).mean()",
            "inside": "p = net(xb).softmax(dim=1)",
        },
    ),
    "L01 one of two outputs": (
        "return self.b(h).softmax(-1), h",
        {"loss": "F.cross_entropy(net(xb)[0], yb)", "forward": "return self.b(h).softmax(-1), h", "out": 3},
    ),
    "L02 written by hand": (
        "return 1 / ",
        {
            "loss": "nn.BCEWithLogitsLoss()(net(xb), yb)",
            "y": "binary",
            "forward": "return 1 / (1 + torch.exp(-self.b(h)))",
        },
    ),
    "L02 twice before BCELoss": (
        "nn.Sigmoid()",
        {
            "loss": "F.binary_cross_entropy(torch.sigmoid(net(xb)), yb)",
            "y": "binary",
            "net": "net = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())",
        },
    ),
    "L02 a softmax before BCEWithLogits": (
        "p = ",
        {"loss": "F.binary_cross_entropy_with_logits(p, F.one_hot(yb, 3).float())", "inside": "p = net(xb).softmax(1)"},
    ),
    "L03 logarithms of sigmoids": ("loss = ", {"loss": "F.nll_loss(F.logsigmoid(net(xb)), yb)"}),
    "L04 a ReLU and a square by hand": (
        "return F.relu(self.b(h))",
        {"loss": "((yb - net(xb)) ** 2).mean()", "y": "amounts", "forward": "return F.relu(self.b(h))"},
    ),
    "L04 a tanh scaled too little": (
        "torch.tanh",
        {"loss": "F.mse_loss(net(xb), yb)", "y": "y = 3 * x[:, :1]", "forward": "return 0.5 * torch.tanh(self.b(h))"},
    ),
    "L04 arguments the other way round": (
        "F.relu(self.b(h))",
        {"loss": "F.mse_loss(yb, net(xb))", "y": "amounts", "forward": "return F.relu(self.b(h))"},
    ),
    "L04 a ReLU before a sigmoid": (
        "torch.relu(self.b(h))",
        {
            "loss": "F.binary_cross_entropy(net(xb), yb)",
            "y": "binary",
            "forward": "return torch.sigmoid(torch.relu(self.b(h)))",
        },
    ),
    "L04 logits squashed by a tanh": (
        "torch.tanh(self.b(h))",
        {"loss": "F.cross_entropy(net(xb), yb)", "forward": "return torch.tanh(self.b(h))", "out": 3},
    ),
    "L04 what an LSTM shows": ("return self.r(x)[0]", {"loss": "F.mse_loss(net(xb), yb)", "net": _RECURRENT}),
    "L05 a column that is shown": (
        "p = torch.softmax",
        {
            "loss": "F.binary_cross_entropy_with_logits(net(xb), yb)",
            "y": "binary",
            "forward": "return self.b(h)",
            "after": "with torch.no_grad():\n    p = torch.softmax(net(x), dim=1)",
        },
    ),
    "L05 one score a step": (
        "w = torch.softmax",
        {"attention": ["w = torch.softmax(self.s(x), dim=-1)", "return self.o((w * x).sum(1))"]},
    ),
    "L06 beside one-hot targets": (
        "p = ",
        {"loss": "-(F.one_hot(yb, 3) * torch.log(p)).sum(1).mean()", "inside": "p = net(xb).softmax(0)"},
    ),
    "L06 picked by hand": (
        "logp = ",
        {"loss": "-logp[torch.arange(30), yb].mean()", "inside": "logp = net(xb).log_softmax(0)"},
    ),
    "L06 gathered": (
        "logp = ",
        {"loss": "-logp.gather(1, yb[:, None]).mean()", "inside": "logp = net(xb).log_softmax(0)"},
    ),
    "L06 a Brier score": ("p = ", {"loss": "((p - F.one_hot(yb, 3)) ** 2).mean()", "inside": "p = net(xb).softmax(0)"}),
    "L06 over the steps, flattened": (
        "dim=1",
        {
            "loss": "F.nll_loss(out.reshape(-1, 7), yb[:, 1:].reshape(-1))",
            "net": _LM,
            "inside": "out = net(yb[:, :-1])",
        },
    ),
    "L06 over the steps, permuted": (
        "dim=1",
        {"loss": "F.nll_loss(out.permute(0, 2, 1), yb[:, 1:])", "net": _LM, "inside": "out = net(yb[:, :-1])"},
    ),
    "L06 an option of a layer": (
        "nn.LogSoftmax(dim=0)",
        {
            "loss": "F.nll_loss(net(xb), yb)",
            "forward": "return self.act(self.b(h))",
            "out": 3,
            "act": "nn.LogSoftmax(dim=0)",
        },
    ),
    "L06 over queries": (
        "w = ",
        {
            "attention": [
                "w = F.softmax(self.q(x) @ self.k(x).transpose(1, 2), dim=1)",
                "return self.o((w @ self.v(x)).mean(1))",
            ]
        },
    ),
    "L06 over queries in einsum": (
        "w = ",
        {
            "attention": [
                "s = torch.einsum('bqd,bkd->bqk', self.q(x), self.k(x))",
                "w = s.softmax(1)",
                "return self.o(torch.einsum('bqk,bkd->bqd', w, self.v(x)).mean(1))",
            ]
        },
    ),
    "L06 over heads": (
        "w = ",
        {
            "attention": [
                ("q, k, v = (f(x).view(-1, 5, 2, 2).transpose(1, 2) for f in (self.q, self.k, self.v))"),
                "w = torch.softmax(q @ k.transpose(-2, -1), dim=1)",
                "return self.o((w @ v).transpose(1, 2).reshape(-1, 5, 4).mean(1))",
            ]
        },
    ),
    "L06 pooled over the batch": (
        "w = ",
        {
            "attention": [
                "w = torch.softmax(self.s(x).squeeze(-1), dim=0)",
                "return self.o((w.unsqueeze(-1) * x).sum(1))",
            ]
        },
    ),
    "L06 asked for the largest": (
        "p = ",
        {
            "loss": "F.cross_entropy(net(xb), yb)",
            "after": "with torch.no_grad():\n    p = F.softmax(net(x), dim=0)\n    p.argmax(1)",
        },
    ),
    "L07 compared after rounding": (
        "loss = ",
        {
            "loss": "((net(xb).squeeze(1) - yb) ** 2).mean()",
            "y": "y = torch.arange(60) % 5",
            "forward": "return self.b(h)",
            "after": "(net(x).squeeze(1).round() == y).float().mean()",
        },
    ),
    "L07 a column beside one output a class": (
        "loss = ",
        {"loss": "F.mse_loss(net(xb).softmax(1), yb.float().unsqueeze(1))"},
    ),
    "L08 pixels as targets": (
        "loss = ",
        {
            "loss": "F.binary_cross_entropy_with_logits(net(xb), yb)",
            "y": "y = (x[:, :1] > 0).float() * 255",
            "forward": "return self.b(h)",
        },
    ),
    "L08 a class that is ignored": (
        "criterion = nn.CrossEntropyLoss(ignore_index=0)",
        {"loss": "criterion(net(xb), yb)", "before": "criterion = nn.CrossEntropyLoss(ignore_index=0)"},
    ),
    "L08 cut to whole numbers": (
        "y = y.long()",
        {"loss": "F.cross_entropy(net(xb), yb)", "y": "y = (x[:, 0] > 0.3) / 2.1 + (x[:, 1] > 0) / 2.1\ny = y.long()"},
    ),
    "L08 0 and 1 for a margin": (
        "loss = ",
        {"loss": "F.soft_margin_loss(net(xb), yb)", "y": "binary", "forward": "return self.b(h)"},
    ),
    "L09 swapped where one's own loss is called": (
        "loss = criterion(yb, net(xb))",
        {"loss": "criterion(yb, net(xb))", "y": "binary", "forward": "return self.b(h)", "before": _OWN_BINARY},
    ),
    "L10 logarithms as the target": (
        "loss = ",
        {"loss": "F.kl_div(net(xb).log_softmax(1), t[half].log(), reduction='batchmean')", "before": _SHARES},
    ),
    "L10 probabilities with log_target": (
        "loss = ",
        {"loss": "F.kl_div(net(xb).log_softmax(1), t[half], log_target=True)", "before": _SHARES},
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, program, diagnose, assert_found) -> None:
    fragment, given = SICK[name]
    diagnosis = diagnose(program(**given), only=["L"])
    assert diagnosis.script_exit == 0
    assert_found(diagnosis, name[:3], fragment)
