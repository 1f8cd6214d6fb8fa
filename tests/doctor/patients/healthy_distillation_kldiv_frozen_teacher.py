"""Distil a wide net into a narrow one on digits.

healthy: KLDivLoss gets log_softmax inputs and softmax targets of a teacher under no_grad; the student's CE gets logits
"""
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--temperature", type=float, default=3.0)
parser.add_argument("--alpha", type=float, default=0.6)
parser.add_argument("--epochs", type=int, default=25)
args = parser.parse_args()

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x_tr, x_te, y_tr, y_te = train_test_split(x / 16.0, y, test_size=0.3, random_state=0)
x_tr, x_te = torch.tensor(x_tr).float(), torch.tensor(x_te).float()
y_tr, y_te = torch.tensor(y_tr), torch.tensor(y_te)
loader = DataLoader(TensorDataset(x_tr, y_tr), batch_size=64, shuffle=True)


def mlp(width):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 10))


def accuracy(model):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        acc = (model(x_te).argmax(1) == y_te).float().mean().item()
    model.train(was_training)
    return acc


teacher = mlp(128)
t_opt = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for _ in range(args.epochs):
    for xb, yb in loader:
        loss = F.cross_entropy(teacher(xb), yb)
        t_opt.zero_grad()
        loss.backward()
        t_opt.step()
print("teacher", round(accuracy(teacher), 3))

teacher.eval()
for p in teacher.parameters():
    p.requires_grad_(False)

student = mlp(12)
s_opt = torch.optim.Adam(student.parameters(), lr=5e-3)
kl = nn.KLDivLoss(reduction="batchmean")
T = args.temperature
for epoch in range(args.epochs):
    student.train()
    sum_loss = 0.0
    for xb, yb in loader:
        with torch.no_grad():
            soft = F.softmax(teacher(xb) / T, dim=1)
        logits = student(xb)
        distil = kl(F.log_softmax(logits / T, dim=1), soft) * T * T
        hard = F.cross_entropy(logits, yb)
        loss = args.alpha * distil + (1 - args.alpha) * hard
        s_opt.zero_grad()
        loss.backward()
        s_opt.step()
        sum_loss += loss.item() * len(xb)
    if epoch % 5 == 4:
        print(f"student epoch {epoch + 1} loss {sum_loss / len(x_tr):.3f}")
print("student", round(accuracy(student), 3))
