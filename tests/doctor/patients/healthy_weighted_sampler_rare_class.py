"""Fraud-like data with six per cent positives.

healthy: WeightedRandomSampler instead of shuffle=True, rows drawn twice on purpose; test set keeps its true share
"""
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

RANDOM_STATE = 3


def load():
    X, y = make_classification(
        n_samples=3000, n_features=12, n_informative=6, n_redundant=2, weights=[0.94], class_sep=1.6,
        n_clusters_per_class=1, flip_y=0.01, random_state=RANDOM_STATE,
    )
    X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, stratify=y, random_state=RANDOM_STATE)
    sc = StandardScaler().fit(X_tr)
    as_float = lambda a: torch.as_tensor(sc.transform(a), dtype=torch.float32)
    return as_float(X_tr), torch.as_tensor(y_tr), as_float(X_te), torch.as_tensor(y_te)


def make_loader(X, y, batch_size):
    per_class = 1.0 / torch.bincount(y).double()
    sampler = WeightedRandomSampler(per_class[y], num_samples=len(y), replacement=True)
    return DataLoader(TensorDataset(X, y.float()), batch_size=batch_size, sampler=sampler)


def train(net, loader, epochs):
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(epochs):
        losses, positives, seen = [], 0, 0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(net(x).flatten(), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            positives += int(y.sum())
            seen += len(y)
        print(f"epoch {epoch + 1} loss {sum(losses) / len(losses):.4f} share of positives {positives / seen:.2f}")


def main():
    torch.manual_seed(RANDOM_STATE)
    X_tr, y_tr, X_te, y_te = load()
    net = nn.Sequential(nn.Linear(12, 16), nn.LeakyReLU(0.1), nn.Linear(16, 1))
    train(net, make_loader(X_tr, y_tr, 70), epochs=8)
    with torch.inference_mode():
        pred = (torch.sigmoid(net(X_te)).flatten() > 0.5).long()
    print(confusion_matrix(y_te.numpy(), pred.numpy()))
    print("balanced accuracy", balanced_accuracy_score(y_te.numpy(), pred.numpy()))


if __name__ == "__main__":
    main()
