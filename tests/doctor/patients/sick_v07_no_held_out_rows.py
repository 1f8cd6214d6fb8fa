"""My first neural network: is a tumour malignant?

bugs: V07 at `X = torch.tensor(X, dtype=torch.float32)` or `final = net(X)`
"""
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(1)
X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).view(-1, 1)

net = nn.Sequential(
    nn.Linear(30, 16),
    nn.ReLU(),
    nn.Linear(16, 1),
    nn.Sigmoid(),
)
loss_func = nn.BCELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)

for epoch in range(100):
    prediction = net(X)
    loss = loss_func(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print("Epoch:", epoch, "Loss:", loss.item())

with torch.no_grad():
    final = net(X)
    print("Accuracy:", ((final > 0.5).float() == y).float().mean().item())
