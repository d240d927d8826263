# Everything that one does with this project. A fresh machine needs make and Python 3.11 or later, nothing else.
#
#     make run     the whole system on this machine: PORT=8080 DATA=.local DEMO=1 HOST=127.0.0.1
#     make test    all tests           make check   lint, format, types, template
#     make format  tidies the code     make clean   removes what make made, but not your data in .local

PYTHON ?= python3
BIN := .venv/bin
SOURCES := layers local tests $(wildcard benchmarks/*.py)

run: .venv/local                 ; @exec $(BIN)/python -m local

# The tests of the deployed system share one deployment and count on each other; the others run on all cores.
test: .venv/dev .venv-sam/ready
	SAM="$(CURDIR)/.venv-sam/bin/sam" $(BIN)/pytest tests/deploy
	$(BIN)/pytest -n auto --dist loadfile --ignore tests/deploy

check: .venv/dev lint types      ; $(BIN)/cfn-lint template.yaml

format: .venv/dev                ; $(BIN)/ruff check --fix . && $(BIN)/ruff format .

clean:                           ; rm -rf .venv .venv-sam .aws-sam .*_cache .hypothesis layers/ocpi/python/*.egg-info

lint: .venv/dev                  ; $(BIN)/ruff check . && $(BIN)/ruff format --check .

# Every function has an app.py and imports its own modules flat, as in Lambda: one run of mypy for each.
types: .venv/dev
	$(BIN)/mypy $(SOURCES)
	set -e; for folder in functions/*/; do echo $$folder; MYPYPATH=$$folder $(BIN)/mypy $$folder; done

.venv/local: .venv/made          ; $(BIN)/pip install $(QUIETLY) -e .[local] && touch $@
.venv/dev: .venv/made            ; $(BIN)/pip install $(QUIETLY) -e .[dev] && touch $@ .venv/local

# The SAM command line pins its dependencies tightly, so it lives apart from ours.
.venv-sam/ready:                 ; $(PYTHON) -m venv .venv-sam && .venv-sam/bin/pip install $(QUIETLY) aws-sam-cli==1.170.0 && touch $@

.venv/made: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "This needs Python 3.11 or later, and $(PYTHON) is not: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

QUIETLY := --quiet --disable-pip-version-check

.PHONY: run test check format clean lint types
