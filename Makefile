# make eval   sets everything up and runs the main job on the embedded default
# make test   sets everything up and runs linters, types and tests
# make test-slow  runs the tests that "make test" leaves out, because they take minutes
# make coverage   runs the tests of "make test" and prints which lines none of them reaches
# make drift  runs the quick suite on the shipped checkpoint and checks it against leaderboards/
# make baseline REASON="..."  writes that baseline anew
# make docs   builds the documentation site into build/site, a warning being an error
# make dist   builds wheel and sdist into dist/ and tries them in bare environments
# make torture  provokes every fault of docs/reliability.md in processes of its own, and prints what happened
# make kills    kills evaluations and trainings at random moments and compares what the same commands then give
# make sweep    tries thousands of mutated files on every parser; make fuzz BUDGET=600 goes on for so many seconds
# make audit    looks for known weaknesses in the code (bandit) and in what is installed (pip-audit)
# make bench  runs the speed comparisons
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/quick-shipped
BUDGET ?= 600
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

.PHONY: eval test test-slow coverage lint drift baseline docs dist bench torture kills sweep fuzz audit clean

eval: $(VENV)/.installed
	$(BIN)/rrgbench eval --model dcrrg --suite full

test: lint
	$(PYTEST)

test-slow: $(VENV)/.installed-dev
	$(PYTEST) -m slow --ignore=tests/torture

# apart, because tracing takes a quarter of the time once more
coverage: $(VENV)/.installed-dev
	$(PYTEST) --cov --cov-report=term

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

docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	rm -rf build/pages
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -c docs . build/site
	@echo "open build/site/docs/index.html"

dist: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet build twine
	rm -rf dist build/lib build/bdist.*
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	bash tests/dist/try.sh dist

bench: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks

torture: $(VENV)/.installed-dev
	RRGBENCH_TORTURE=1 $(PYTEST) -q -m "" tests/torture

kills: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python tests/torture/kills.py --eval 50 --train 20

sweep: $(VENV)/.installed-dev
	$(BIN)/python tests/fuzz 4000

fuzz: $(VENV)/.installed-dev
	RRGBENCH_FUZZ_SECONDS=$(BUDGET) $(BIN)/python -m pytest -q tests/fuzz

audit: $(VENV)/.installed-dev
	$(BIN)/bandit -q -c pyproject.toml -r rrgbench dcrrg baselines
	$(BIN)/pip-audit --local

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
