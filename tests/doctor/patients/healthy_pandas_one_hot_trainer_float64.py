"""Flat prices from a pandas table, trained by a Trainer class of my own, in double precision.

healthy: float64, one-hot, train statistics only, own loss module, (N,1) targets, R2 by hand, a forward hook
"""
import numpy as np
import pandas as pd
import torch
import torch.nn as nn

torch.manual_seed(31)
rng = np.random.default_rng(31)
n = 1200
CITIES = ["Bern", "Graz", "Lyon", "Turin"]

df = pd.DataFrame({
    "area": rng.gamma(6, 13, n),
    "age": rng.uniform(0, 80, n),
    "city": pd.Categorical(rng.choice(CITIES, n), categories=CITIES),
    "lift": rng.integers(0, 2, n),
})
per_m2 = df["city"].map({"Bern": 9.0, "Graz": 4.5, "Lyon": 5.0, "Turin": 3.0}).astype(float)
df["price"] = df["area"] * per_m2 * (1 - 0.004 * df["age"]) + 15 * df["lift"] + rng.normal(0, 15, n)

train_df = df.sample(frac=0.8, random_state=31)
test_df = df.drop(train_df.index)
mean, std = train_df[["area", "age"]].mean(), train_df[["area", "age"]].std()
y_mean, y_std = train_df["price"].mean(), train_df["price"].std()


def to_tensors(frame):
    numeric = (frame[["area", "age"]] - mean) / std
    onehot = pd.get_dummies(frame["city"]).astype(float)
    x = pd.concat([numeric, onehot, frame[["lift"]]], axis=1).to_numpy(dtype=np.float64, copy=True)
    y = ((frame["price"] - y_mean) / y_std).to_numpy(copy=True)
    return torch.from_numpy(x), torch.from_numpy(y).view(-1, 1)


class LogCosh(nn.Module):
    def forward(self, pred, true):
        d = pred - true
        return (d + nn.functional.softplus(-2 * d) - np.log(2)).mean()


class Trainer:
    def __init__(self, model, loss, lr=0.01, batch_size=64):
        self.model, self.loss, self.batch_size = model, loss, batch_size
        self.opt = torch.optim.Adam(model.parameters(), lr=lr)
        self.history = []

    def fit(self, x, y, epochs):
        for _ in range(epochs):
            self.model.train()
            total = 0.0
            for rows in torch.randperm(len(x)).split(self.batch_size):
                self.opt.zero_grad()
                value = self.loss(self.model(x[rows]), y[rows])
                value.backward()
                self.opt.step()
                total += value.item() * len(rows)
            self.history.append(total / len(x))
        return self

    @torch.no_grad()
    def r2(self, x, y):
        self.model.eval()
        pred = self.model(x)
        return (1 - ((y - pred) ** 2).sum() / ((y - y.mean()) ** 2).sum()).item()


x_train, y_train = to_tensors(train_df)
x_test, y_test = to_tensors(test_df)
net = nn.Sequential(nn.Linear(x_train.shape[1], 32), nn.SiLU(), nn.Linear(32, 1)).double()

active = []
handle = net[1].register_forward_hook(lambda mod, inp, out: active.append((out > 0).double().mean().item()))
trainer = Trainer(net, LogCosh()).fit(x_train, y_train, epochs=25)
handle.remove()

print("loss", [round(v, 4) for v in trainer.history[::6]])
print("share of positive units", round(float(np.mean(active)), 2))
print("R2 train", round(trainer.r2(x_train, y_train), 3), "test", round(trainer.r2(x_test, y_test), 3))
