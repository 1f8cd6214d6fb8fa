"""An LSTM cell from the equations, for the sign of a running sum.

healthy: sigmoid and tanh gates of an own LSTM, a logit into BCEWithLogits; p.grad = None; fresh state per batch
"""
import torch
import torch.nn as nn

torch.manual_seed(11)


class MyLSTMCell(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        k = n_hidden ** -0.5
        self.W = nn.Parameter(torch.empty(n_in, 4 * n_hidden).uniform_(-k, k))
        self.U = nn.Parameter(torch.empty(n_hidden, 4 * n_hidden).uniform_(-k, k))
        self.b = nn.Parameter(torch.zeros(4 * n_hidden))
        with torch.no_grad():
            self.b[n_hidden:2 * n_hidden].fill_(1.0)

    def forward(self, x, state):
        h, c = state
        z = x @ self.W + h @ self.U + self.b
        i, f, g, o = z.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


class SignOfSum(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.cell = MyLSTMCell(1, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, seq):
        n = seq.shape[0]
        h = seq.new_zeros(n, self.cell.n_hidden)
        c = seq.new_zeros(n, self.cell.n_hidden)
        for t in range(seq.shape[1]):
            h, c = self.cell(seq[:, t], (h, c))
        return self.out(h)


def make_data(n, length=12):
    x = torch.randn(n, length, 1)
    y = (x.sum(dim=1) > 0).float()
    return x, y


x_tr, y_tr = make_data(1024)
x_va, y_va = make_data(300)
net = SignOfSum()
loss_fn = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=0.01)

for epoch in range(8):
    perm = torch.randperm(len(x_tr))
    epoch_loss = 0
    for start in range(0, len(x_tr), 64):
        idx = perm[start:start + 64]
        out = net(x_tr[idx])
        loss = loss_fn(out, y_tr[idx])
        for p in net.parameters():
            p.grad = None
        loss.backward()
        opt.step()
        epoch_loss += loss.item() * len(idx)
    with torch.no_grad():
        val_logits = net(x_va)
        val_acc = ((val_logits > 0).float() == y_va).float().mean().item()
    print(f"{epoch}: train {epoch_loss / len(x_tr):.4f}  val acc {val_acc:.3f}")
