"""The rules of the loss where nothing is wrong: what looks like a mistake of a loss and is meant so."""

from __future__ import annotations

import pytest

_CODEBOOK = "net, dec, book = nn.Sequential(nn.Linear(4, 8), nn.ReLU()), nn.Linear(8, 4), nn.Embedding(6, 8)"
_CODES = "z = net(xb)\nq = book(torch.cdist(z, book.weight).argmin(1))"
_FIRST_AND_SECOND = "z1, z2 = F.normalize(net(xb)), F.normalize(net(xb.flip(1)))\nsim = z1 @ z2.T / 0.1"
_SLOTS = [
    "slots = self.k.weight[:3].expand(len(x), 3, 4)",
    "for _ in range(2):",
    "    slots = F.softmax(slots @ self.q(x).transpose(1, 2), dim=1) @ self.v(x)",
    "return self.o(slots.mean(1))",
]
_CAPSULES = [
    "u = self.v(x).unsqueeze(2) * torch.ones(3, 1)",
    "b = torch.zeros(len(x), 5, 3)",
    "for _ in range(2):",
    "    s = (F.softmax(b, dim=2).unsqueeze(-1) * u).sum(1)",
    "    b = b + (u * s.unsqueeze(1)).sum(-1)",
    "return self.o(s.mean(1))",
]
_WORDS = """
y = torch.randint(1, 7, (60, 6))
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.r, self.o = nn.Embedding(7, 8), nn.GRU(8, 8, batch_first=True), nn.Linear(8, 7)
    def forward(self, ids):
        return F.log_softmax(self.o(self.r(self.e(ids))[0]), dim=2)
net = Net()
"""
_ADVERSARIES = "net = nn.Sequential(nn.Linear(2, 4))\nD = nn.Linear(4, 1)\ncriterion = nn.BCEWithLogitsLoss()"
_SPARSE = "net, dec = nn.Sequential(nn.Linear(4, 8), nn.Sigmoid()), nn.Linear(8, 4)"

HEALTHY = {
    "a log-softmax before cross entropy": {"loss": "F.cross_entropy(net(xb).log_softmax(1), yb)"},
    "distillation": {
        "loss": "F.kl_div(F.log_softmax(net(xb) / 2, 1), F.softmax(teacher(xb) / 2, 1), reduction='batchmean')",
        "before": "teacher = nn.Linear(4, 3).requires_grad_(False)",
    },
    "a softmax as target": {
        "loss": "F.cross_entropy(net(xb), teacher(xb).softmax(1).detach())",
        "before": "teacher = nn.Linear(4, 3)",
    },
    "the logarithm of a mixture": {"loss": "F.nll_loss(torch.log(0.9 * net(xb).softmax(1) + 0.1 / 3), yb)"},
    "cross entropy by hand": {"loss": "-(F.one_hot(yb, 3) * torch.log(net(xb).softmax(1))).sum(1).mean()"},
    "cross entropy of exponentials": {
        "inside": "e = net(xb).exp()\np = e / e.sum(1, keepdim=True)",
        "loss": "-p[torch.arange(30), yb].log().mean()",
    },
    "focal loss": {
        "inside": "logp = net(xb).log_softmax(1)",
        "loss": "F.nll_loss((1 - logp.exp()) ** 2 * logp, yb)",
    },
    "classes that were masked out": {"loss": "F.nll_loss(net(xb).log_softmax(1)[:, :2], yb % 2)"},
    "a mixture of densities": {
        "y": "y = 3 * x[:, :1]",
        "inside": "d = torch.distributions.Normal(net(xb), 1.0)",
        "loss": "-torch.logsumexp(F.log_softmax(net(xb), 1) + d.log_prob(yb), 1).mean()",
    },
    "an entropy that is wanted": {
        "inside": "p = net(xb).softmax(1)",
        "loss": "F.cross_entropy(net(xb), yb) + 0.1 * (p * torch.log(p + 1e-8)).sum(1).mean()",
    },
    "a gate before logits": {
        "loss": "F.binary_cross_entropy_with_logits(net(xb), yb)",
        "y": "binary",
        "forward": "return self.b(h) * torch.sigmoid(self.act(h))",
        "act": "nn.Linear(8, 1)",
    },
    "noisy labels of a GAN": {
        "net": _ADVERSARIES,
        "params": "[*net.parameters(), *D.parameters()]",
        "loss": "criterion(D(xb), 0.7 + 0.5 * torch.rand(30, 1)) + criterion(D(net(xb[:, :2])), torch.zeros(30, 1))",
    },
    "ordered classes as thresholds": {
        "forward": "return self.b(h) + self.act.weight.view(1, 2)",
        "act": "nn.Linear(2, 1)",
        "loss": "F.binary_cross_entropy_with_logits(net(xb), (yb[:, None] > torch.arange(2)).float())",
    },
    "noise at the edge of a tanh": {
        "y": "y = torch.sin(3 * x[:, :1]) + 0.3 * torch.randn(60, 1)",
        "forward": "return torch.tanh(self.b(h))",
        "loss": "F.mse_loss(net(xb), yb)",
    },
    "a tanh that is scaled up": {
        "y": "y = 3 * x[:, :1]",
        "forward": "return 10 * torch.tanh(self.b(h))",
        "loss": "F.mse_loss(net(xb), yb)",
    },
    "a step that is bounded": {
        "net": "net = nn.Sequential(nn.Linear(4, 4), nn.Tanh())",
        "loss": "F.mse_loss(xb + net(xb), 2 * xb)",
    },
    "codes that move towards a ReLU": {
        "net": _CODEBOOK,
        "params": "[*net.parameters(), *dec.parameters(), *book.parameters()]",
        "inside": _CODES,
        "loss": "F.mse_loss(dec(z + (q - z).detach()), xb) + F.mse_loss(q, z.detach()) + F.mse_loss(z, q.detach())",
    },
    "centres that move by hand": {
        "net": "net, o, c = nn.Linear(4, 8), nn.Linear(8, 3), torch.randn(3, 8)",
        "params": "[*net.parameters(), *o.parameters()]",
        "inside": "h = F.relu(net(xb))\nif step: c[0] = 0.5 * (c[0] + h.detach().mean(0))",
        "loss": "F.cross_entropy(o(h), yb) + 0.01 * (h - c[yb]).pow(2).sum(1).mean()",
    },
    "values of another net": {
        "before": "target = nn.Linear(4, 3)",
        "inside": "with torch.no_grad(): r = -1 + 0.9 * target(xb).max(1).values",
        "loss": "F.smooth_l1_loss(F.relu(net(xb)).gather(1, yb[:, None]).squeeze(1), r)",
    },
    "a cap on logits": {"loss": "F.cross_entropy(30 * torch.tanh(net(xb) / 30), yb)"},
    "distances as logits": {
        "inside": "z = net(xb)\np = torch.stack([z[yb == k].mean(0) for k in range(2)])",
        "loss": "F.cross_entropy(-((z[:, None] - p) ** 2).sum(-1), yb % 2)",
    },
    "a single token": {
        "attention": [
            "x = x[:, :1]",
            "w = F.softmax(self.q(x) @ self.k(x).transpose(1, 2), dim=-1)",
            "return self.o((w @ self.v(x)).mean(1))",
        ]
    },
    "attention with values first": {
        "attention": [
            "w = F.softmax(self.q(x) @ self.k(x).transpose(1, 2), dim=-1)",
            "return self.o(torch.bmm(self.v(x).transpose(1, 2), w.transpose(1, 2)).mean(2))",
        ],
    },
    "weights for columns": {
        "attention": [
            "w = F.softmax(self.q(x) @ self.k(x).transpose(1, 2), dim=1)",
            "return self.o(torch.bmm(self.v(x).transpose(1, 2), w).mean(2))",
        ],
    },
    "steps before rows": {
        "attention": ["x = x.transpose(0, 1)", "w = torch.softmax(self.s(x), dim=0)", "return self.o((w * x).sum(0))"]
    },
    "linear attention": {
        "attention": [
            "q, k = F.softmax(self.q(x), -1), F.softmax(self.k(x), 1)",
            "return self.o((q @ (k.transpose(1, 2) @ self.v(x))).mean(1))",
        ],
    },
    "slots that compete": {"attention": _SLOTS},
    "capsules": {"attention": _CAPSULES},
    "tokens for slots and slots for tokens": {
        "attention": [
            "s = x @ self.q.weight",
            "y = s.softmax(1).transpose(1, 2) @ x",
            "return self.o((s.softmax(2) @ self.v(y)).mean(1))",
        ],
    },
    "a bag of rows": {
        "net": "net, o = nn.Linear(4, 1), nn.Linear(4, 3)",
        "params": "[*net.parameters(), *o.parameters()]",
        "inside": "w = torch.softmax(net(xb), dim=0)",
        "loss": "F.cross_entropy(o((w * xb).sum(0, keepdim=True)), yb[:1])",
    },
    "pairs in both directions": {
        "inside": _FIRST_AND_SECOND,
        "loss": "-(F.log_softmax(sim, 0).diag() + F.log_softmax(sim, 1).diag()).mean()",
    },
    "pairs, transposed": {"inside": _FIRST_AND_SECOND, "loss": "F.nll_loss(F.log_softmax(sim, 0).T, torch.arange(30))"},
    "rows weighed by their loss": {
        "inside": "each = F.cross_entropy(net(xb), yb, reduction='none')",
        "loss": "(torch.softmax(each.detach(), 0) * each).sum()",
    },
    "two classes as amounts": {
        "y": "binary",
        "forward": "return torch.sigmoid(self.b(h))",
        "loss": "F.mse_loss(net(xb), yb)",
    },
    "ratings scored by their distance": {
        "y": "y = (torch.arange(60) % 5).float().unsqueeze(1)",
        "forward": "return self.b(h)",
        "loss": "F.mse_loss(net(xb), yb)",
        "after": "(net(x) - y).abs().mean()",
    },
    "a word that never comes": {
        "net": _WORDS,
        "inside": "out = net(yb[:, :-1])",
        "loss": "F.nll_loss(out.reshape(-1, 7), yb[:, 1:].reshape(-1))",
    },
    "padding that is ignored": {
        "net": _WORDS,
        "inside": "out = net(yb[:, :-1])",
        "loss": "F.nll_loss(out.reshape(-1, 7), yb[:, 1:].reshape(-1), ignore_index=1)",
    },
    "amounts cut into classes": {"y": "y = (torch.rand(60) * 3).long()"},
    "shares of two classes": {
        "loss": "F.cross_entropy(net(xb), 0.7 * F.one_hot(yb, 3) + 0.3 * F.one_hot(yb.flip(0), 3))"
    },
    "a squared error the other way round": {
        "y": "amounts",
        "forward": "return self.b(h)",
        "loss": "F.mse_loss(yb, net(xb))",
    },
    "the divergence from a prior": {
        "before": "prior = torch.full((30, 3), 1 / 3).log()",
        "loss": "F.cross_entropy(net(xb), yb) + F.kl_div(prior, net(xb).softmax(1), reduction='sum')",
    },
    "units that are rarely on": {
        "net": _SPARSE,
        "params": "[*net.parameters(), *dec.parameters()]",
        "inside": "h = net(xb)",
        "loss": "F.mse_loss(dec(h), xb) + 0.1 * F.kl_div(h.mean(0).log(), torch.full((8,), 0.05), reduction='sum')",
    },
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said(name: str, program, diagnose) -> None:
    diagnosis = diagnose(program(**HEALTHY[name]), only=["L"])
    assert diagnosis.script_exit == 0
    assert not diagnosis.failures, [one.trace for one in diagnosis.failures]
    assert [(one.rule, one.source, one.evidence) for one in diagnosis.findings if one.level in "EW"] == []
