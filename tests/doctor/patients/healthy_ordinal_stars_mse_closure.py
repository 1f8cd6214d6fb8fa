"""Star ratings 1..5 as numbers: regress, then round.

healthy: ordinal regression with MSE on ordered grades (they are not class ids); full batch, Adam driven by a closure
"""
import torch
from torch import nn, optim
from sklearn.model_selection import train_test_split


def make_reviews(n=1200):
    """Length, exclamation marks, and shares of happy and angry words of a review."""
    quality = torch.randn(n)
    happy = torch.sigmoid(quality + 0.3 * torch.randn(n))
    angry = torch.sigmoid(-1.5 * quality + 0.3 * torch.randn(n))
    shouting = quality.abs() + 0.2 * torch.randn(n)
    length = torch.randn(n)
    stars = torch.clamp(torch.round(3 + 1.1 * quality), 1, 5)
    return torch.stack([happy, angry, shouting, length], dim=1), stars


class Rater(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 20), nn.Tanh(), nn.Linear(20, 1))

    def forward(self, x):
        return self.net(x).squeeze(1)


def main():
    torch.manual_seed(15)
    x, stars = make_reviews()
    x_train, x_test, s_train, s_test = train_test_split(x, stars, test_size=0.25, random_state=15)
    mean, std = x_train.mean(0), x_train.std(0)
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std
    t_train = (s_train - 3) / 2

    rater = Rater()
    opt = optim.Adam(rater.parameters(), lr=2e-2)
    mse = nn.MSELoss()

    def closure():
        opt.zero_grad()
        loss = mse(rater(x_train), t_train)
        loss.backward()
        return loss

    for step in range(1, 251):
        loss = opt.step(closure)
        if step % 50 == 0:
            with torch.no_grad():
                guess = torch.clamp(torch.round(rater(x_test) * 2 + 3), 1, 5)
            print(f"step {step} mse {loss.item():.4f} mean error {(guess - s_test).abs().mean():.3f} stars, "
                  f"exact {(guess == s_test).float().mean():.3f}, commonest grade {(s_test == 3).float().mean():.3f}")


if __name__ == "__main__":
    main()
