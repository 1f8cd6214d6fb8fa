"""Two autoencoders on 8x8 digits: the same net once with MSE, once with BCE on the pixels.

healthy: sigmoid output on pixels in 0..1 under MSELoss and under BCELoss; a new optimizer per model is on purpose
"""
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, random_split


class AE(nn.Module):
    def __init__(self, code=12):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, code))
        self.decoder = nn.Sequential(nn.Linear(code, 40), nn.ReLU(), nn.Linear(40, 64), nn.Sigmoid())

    def forward(self, img):
        flat = img.view(-1, 64)
        return self.decoder(self.encoder(flat)).view(-1, 1, 8, 8)


def train(model, loader, criterion, epochs=8):
    opt = optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(epochs):
        seen = 0.0
        for img in loader:
            out = model(img)
            loss = criterion(out, img)
            opt.zero_grad()
            loss.backward()
            opt.step()
            seen += loss.item() * img.size(0)
        print(f"  epoch {epoch + 1} {seen / len(loader.dataset):.4f}")


def reconstruction_error(model, loader):
    err = 0.0
    with torch.no_grad():
        for img in loader:
            err += nn.functional.mse_loss(model(img), img, reduction="sum").item()
    return err / (len(loader.dataset) * 64)


if __name__ == "__main__":
    torch.manual_seed(0)
    images = torch.from_numpy(load_digits().images).float().unsqueeze(1) / 16
    train_set, test_set = random_split(images, [1400, len(images) - 1400])
    train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=128)
    mean_image = images[train_set.indices].mean(0)
    baseline = ((images[test_set.indices] - mean_image) ** 2).mean().item()
    for name, criterion in [("mse", nn.MSELoss()), ("bce", nn.BCELoss())]:
        print(name)
        ae = AE()
        train(ae, train_loader, criterion)
        print(f"  test error {reconstruction_error(ae, test_loader):.4f} (mean image {baseline:.4f})")
