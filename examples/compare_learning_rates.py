"""Which learning rate? A list makes one net per value, all trained at once; the best on val rows is kept."""

from __future__ import annotations

import firesteel

LRS = (0.0003, 0.003, 0.03)


def main() -> None:
    model = firesteel.fit("diabetes", lr=LRS, baselines=False)
    chosen = next(choice for choice in model.report.choices if choice.name == "lr")
    print(f"lr {chosen.value}: {chosen.reason}")
    print("The others are gone; the test rows, which took no part in choosing, say:")
    for score in model.report.test:
        print(f"  {score.name:<5} {score.value:8.3f}  95 % interval {score.low:.3f} to {score.high:.3f}")


if __name__ == "__main__":
    main()
