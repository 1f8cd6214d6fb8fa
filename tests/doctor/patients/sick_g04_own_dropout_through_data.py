"""Digits with a dropout written by hand.

bugs: G04 at `h.data *= mask / self.keep`
"""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


class DropNet(nn.Module):
    def __init__(self, keep=0.5):
        super().__init__()
        self.keep = keep
        self.fc1 = nn.Linear(64, 48)
        self.fc2 = nn.Linear(48, 10)

    def forward(self, x):
        h = torch.tanh(self.fc1(x))
        if self.training:
            mask = (torch.rand_like(h) < self.keep).float()
            h.data *= mask / self.keep
        return self.fc2(h)


def run_epoch(net, loader, opt=None):
    net.train(opt is not None)
    loss_sum, hits, n = 0.0, 0, 0
    with torch.set_grad_enabled(opt is not None):
        for x, y in loader:
            out = net(x)
            loss = F.cross_entropy(out, y)
            if opt is not None:
                opt.zero_grad()
                loss.backward()
                opt.step()
            loss_sum += loss.item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            n += len(y)
    return loss_sum / n, hits / n


torch.manual_seed(90)
d = load_digits()
ds = TensorDataset(torch.tensor(d.data / 16, dtype=torch.float32), torch.tensor(d.target))
train_ds, test_ds = random_split(ds, [1400, 397])
train_loader = DataLoader(train_ds, batch_size=50, shuffle=True)
test_loader = DataLoader(test_ds, batch_size=397)
net = DropNet()
opt = optim.SGD(net.parameters(), lr=0.1, momentum=0.5)
for epoch in range(10):
    train_loss, _ = run_epoch(net, train_loader, opt)
    if epoch % 3 == 0:
        print("epoch", epoch, "train loss", train_loss, "test (loss, acc)", run_epoch(net, test_loader))
print("final", run_epoch(net, test_loader))
