"""5-fold cross-validation of a small regression net.

healthy: k-fold, model, optimizer and scalers are created anew inside the loop over the folds on purpose
"""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman2
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(0)
torch.manual_seed(0)

X, y = make_friedman2(n_samples=600, noise=20.0, random_state=0)
kf = KFold(n_splits=5, shuffle=True, random_state=0)
scores = []

for fold, (train_idx, val_idx) in enumerate(kf.split(X)):
    xs, ys = StandardScaler(), StandardScaler()
    X_train = xs.fit_transform(X[train_idx])
    y_train = ys.fit_transform(y[train_idx, None])
    X_val = xs.transform(X[val_idx])
    y_val = ys.transform(y[val_idx, None])

    train_ds = TensorDataset(torch.FloatTensor(X_train), torch.FloatTensor(y_train))
    train_loader = DataLoader(train_ds, batch_size=32, shuffle=True)
    X_val, y_val = torch.FloatTensor(X_val), torch.FloatTensor(y_val)

    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.02), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.MSELoss()

    for epoch in range(20):
        model.train()
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()

    model.eval()
    with torch.no_grad():
        val_mse = criterion(model(X_val), y_val).item()
    r2 = 1 - val_mse / y_val.var(unbiased=False).item()
    scores.append(r2)
    print(f"fold {fold + 1}: last train loss {loss.item():.4f}, val mse {val_mse:.4f}, R2 {r2:.3f}")

print(f"R2 {np.mean(scores):.3f} +- {np.std(scores):.3f}")
