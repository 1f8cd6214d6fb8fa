"""Four shells of a 3-d Gaussian with a BatchNorm net; 961 training rows would leave a last batch of one.

healthy: drop_last on the training loader only, because BatchNorm cannot take a batch of one
"""
import torch
from sklearn.datasets import make_gaussian_quantiles
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(19)


def build(n_in, widths, n_out):
    layers = []
    for w in widths:
        layers += [nn.Linear(n_in, w, bias=False), nn.BatchNorm1d(w), nn.ReLU()]
        n_in = w
    layers.append(nn.Linear(n_in, n_out))
    return nn.Sequential(*layers)


X, y = make_gaussian_quantiles(n_samples=1261, n_features=3, n_classes=4, random_state=19)
dataset = TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(y))
train_set, valid_set = random_split(dataset, [961, 300], generator=torch.Generator().manual_seed(19))
train_dl = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)
valid_dl = DataLoader(valid_set, batch_size=100)

net = build(3, [32, 32], 4)
optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=15)
loss_func = nn.CrossEntropyLoss()


def train_one_epoch():
    net.train()
    total = 0.0
    for xb, yb in train_dl:
        loss = loss_func(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(train_dl)


def validate():
    net.eval()
    correct = total = 0
    with torch.no_grad():
        for xb, yb in valid_dl:
            correct += (net(xb).argmax(dim=1) == yb).sum().item()
            total += len(yb)
    return correct / total


for epoch in range(15):
    tr = train_one_epoch()
    scheduler.step()
    print(f"[{epoch + 1:02d}] train loss {tr:.3f}  valid acc {validate():.3f}")
