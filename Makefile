# Two commands do it all: `make demo` and `make test`. Windows: see CONTRIBUTING.md.

.PHONY: demo test check bench clean environment

demo: environment  ## train on 1,797 handwritten digits and show what comes out
	.venv/bin/firesteel fit digits --force -o runs/digits

test: environment  ## all tests
	scripts/test

check: environment  ## style, types, rooms, ceilings
	scripts/check

bench: environment  ## speed, as ratios to plain PyTorch
	scripts/bench

environment:
	@scripts/install

clean:  ## the environment and all caches; runs/ stays
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
