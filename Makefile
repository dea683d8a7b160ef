# make eval   sets everything up and runs the main job on the embedded default
# make test   sets everything up and runs linters, types and tests
# make drift  runs the quick suite on the shipped checkpoint and checks it against leaderboards/
# make baseline REASON="..."  writes that baseline anew
# make bench  runs the speed comparisons
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/quick-shipped

.PHONY: eval test lint drift baseline bench clean

eval: $(VENV)/.installed
	$(BIN)/rrgbench eval --model dcrrg --suite full

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal --cov --cov-report=term

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

drift: $(VENV)/.installed
	$(BIN)/rrgbench eval --model dcrrg --suite quick --out $(RUN) > /dev/null
	$(BIN)/rrgbench drift $(RUN) --against leaderboards/baselines/quick-phantom.json

baseline: $(VENV)/.installed
	$(BIN)/rrgbench eval --model dcrrg --suite quick --out $(RUN) > /dev/null
	$(BIN)/rrgbench drift $(RUN) --against leaderboards/baselines/quick-phantom.json --update --reason "$(REASON)"

bench: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks

clean:
	rm -rf $(VENV) runs

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python >= 3.11 is needed; set PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3-venv is needed (Debian: apt install python3-venv)"; exit 1; }

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed
