"""Stochastic weight averaging on two rings.

healthy: AveragedModel is never optimised itself; SWALR takes over the schedule; update_bn before the evaluation
"""
import torch
from sklearn.datasets import make_circles
from sklearn.model_selection import train_test_split
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(33)
X, y = make_circles(1200, noise=0.12, factor=0.5, random_state=33)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=33)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=45, shuffle=True)

model = nn.Sequential(nn.Linear(2, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 2))
swa_model = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
swa_scheduler = SWALR(optimizer, swa_lr=0.01, anneal_epochs=3)
EPOCHS, SWA_START = 20, 12
loss_fn = nn.CrossEntropyLoss()


def test_accuracy(m):
    m.eval()
    with torch.no_grad():
        return (m(X_test).argmax(1) == y_test).float().mean().item()


for epoch in range(EPOCHS):
    model.train()
    total = torch.zeros(())
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(labels)
    if epoch >= SWA_START:
        swa_model.update_parameters(model)
        swa_scheduler.step()
    else:
        scheduler.step()
    if epoch == 0 or epoch % 4 == 3:
        print(f"epoch {epoch + 1} lr {optimizer.param_groups[0]['lr']:.4f} loss {total.item() / len(y_train):.4f}")

update_bn(loader, swa_model)
print("last weights", round(test_accuracy(model), 3), "averaged", round(test_accuracy(swa_model), 3))
