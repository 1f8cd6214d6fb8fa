"""A wide network on a small noisy table, trained until the loss is tiny.

bugs: S10 at `model = nn.Sequential(` or `for epoch in range(200):`
"""
import torch
from sklearn.datasets import make_classification
from torch import nn

torch.manual_seed(50)
X, y = make_classification(400, 20, n_informative=2, n_redundant=0, flip_y=0.3, class_sep=2.0, n_clusters_per_class=1, random_state=50)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.long)
n_train = 80
m, s = X[:n_train].mean(0), X[:n_train].std(0)
X = (X - m) / s
train_x, train_y = X[:n_train], y[:n_train]
val_x, val_y = X[n_train:], y[n_train:]

model = nn.Sequential(
    nn.Linear(20, 256),
    nn.ReLU(),
    nn.Linear(256, 128),
    nn.ReLU(),
    nn.Linear(128, 2),
)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)


def report(epoch):
    with torch.no_grad():
        a, b = model(train_x), model(val_x)
    print(f"epoch {epoch:3d} train loss {loss_fn(a, train_y):.3f} acc {(a.argmax(1) == train_y).float().mean():.2f}"
          f" | val loss {loss_fn(b, val_y):.3f} acc {(b.argmax(1) == val_y).float().mean():.2f}")


for epoch in range(200):
    opt.zero_grad()
    loss = loss_fn(model(train_x), train_y)
    loss.backward()
    opt.step()
    if epoch % 40 == 0:
        report(epoch)
report(200)
