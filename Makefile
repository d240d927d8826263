# Everything that one does with this project. A fresh machine needs make and Python 3.11 or later, nothing else.
#
#     make run     the whole system on this machine: PORT=8080 DATA=.local DEMO=1 HOST=127.0.0.1
#     make test    all tests           make check   lint, format, types, template
#     make format  tidies the code     make clean   removes what make made, but not your data in .local
#     make bench   all benchmarks, a quarter of an hour, into docs/benchmarks.md; BENCH="push" prints one of them only
#     make fuzz    a hundred thousand odd requests, odd texts, and two deployments in a bad network: half an hour
#     make coverage   branch coverage of security, registration, outbound and store: fails below 100 %
#     make mutation   changes those in thousands of places, and looks whether a test notices: an hour; PART=outbound
#     make doctor  checks what is stored: STORE=sqlite:.local/ocpi.db or STORE=dynamodb:<table>; REPAIR=1 mends it

PYTHON ?= python3
STORE ?= sqlite:.local/ocpi.db
BIN := .venv/bin
SOURCES := layers local tests $(wildcard benchmarks/*.py)

run: .venv/local                 ; @exec $(BIN)/python -m local

# Half as many again as there are cores: half of their time the tests wait for a clock or a socket.
WORKERS = $$(( ($$(getconf _NPROCESSORS_ONLN) * 3 + 1) / 2 ))

# The tests of the deployed system share one deployment and count on each other; the others run on all cores.
test: .venv/dev .venv-sam/ready
	SAM="$(CURDIR)/.venv-sam/bin/sam" $(BIN)/pytest tests/deploy
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --ignore tests/deploy

check: .venv/dev lint types      ; $(BIN)/cfn-lint template.yaml

bench: .venv/bench .venv-alternative ; @$(BIN)/python benchmarks/run.py $(BENCH)

fuzz: .venv/dev
	@$(BIN)/python benchmarks/fuzz.py
	@$(BIN)/python benchmarks/fuzz_parsers.py
	@$(BIN)/python benchmarks/twins.py --seeds 1 2 3 4 5 6 7 8 9 10 --stories 8

# The tests that guard each part, and what they reach of it: benchmarks/mutating/parts.py.
coverage: .venv/measure          ; @$(BIN)/python benchmarks/coverage_of_parts.py $(PART)

mutation: .venv/measure          ; @$(BIN)/python benchmarks/mutation.py $(PART)

doctor: .venv/local              ; @$(BIN)/python -m ocpi.doctor $(STORE) $(if $(REPAIR),--repair)

format: .venv/dev                ; $(BIN)/ruff check --fix . && $(BIN)/ruff format .

clean:                           ; rm -rf .venv .venv-sam .venv-alternative .aws-sam .*_cache .hypothesis layers/ocpi/python/*.egg-info

# Vulnerabilities known of what is pinned, and checkov over the template; needs an index. sbom: what the layer is made of.
audit sbom:                      ; $(MAKE) -C requirements $@

lint: .venv/dev                  ; $(BIN)/ruff check . && $(BIN)/ruff format --check .

# Every function has an app.py and imports its own modules flat, as in Lambda: one run of mypy for each.
types: .venv/dev
	$(BIN)/mypy $(SOURCES)
	set -e; for folder in functions/*/; do echo $$folder; MYPYPATH=$$folder $(BIN)/mypy $$folder; done

# To the byte: versions and hashes are those of requirements/, and of ourselves nothing is left to resolve.
.venv/local: .venv/made requirements/local.txt ; $(LOCKED) requirements/local.txt && $(OURSELVES) && touch $@
.venv/dev: .venv/made requirements/dev.txt     ; $(LOCKED) requirements/dev.txt && $(OURSELVES) && touch $@ .venv/local
# These hold all that .venv/dev does, in the same versions.
.venv/bench .venv/measure: .venv/%: .venv/made requirements/%.txt
	$(BIN)/pip install $(QUIETLY) $(APART) requirements/$*.txt && $(OURSELVES) && $(BIN)/pip check && touch $@ .venv/dev .venv/local

# The SAM command line pins its dependencies tightly, so it lives apart from ours.
.venv-sam/ready: requirements/sam.txt
	$(PYTHON) -m venv .venv-sam && .venv-sam/bin/pip install $(QUIETLY) $(APART) $< && .venv-sam/bin/pip check && touch $@

# Another OCPI library, to compare with: apart from ours, and left out where it cannot be installed.
.venv-alternative: requirements/alternative.txt
	@$(PYTHON) -m venv $@ && $@/bin/pip install $(QUIETLY) $(APART) $< && $@/bin/pip check && touch $@ || \
		{ rm -rf $@; echo "no alternative to compare with: extrawest-ocpi could not be installed" >&2; }

.venv/made: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "This needs Python 3.11 or later, and $(PYTHON) is not: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

QUIETLY := --quiet --disable-pip-version-check
LOCKED = $(BIN)/pip install $(QUIETLY) --require-hashes --requirement
# Where a package of the lock asks for another one's extra, pip 23 takes that one for not pinned; so pip check looks.
APART := --no-deps --require-hashes --requirement
OURSELVES = $(BIN)/pip install $(QUIETLY) --no-deps --no-build-isolation --editable .

.PHONY: run test check bench fuzz coverage mutation doctor format clean lint types audit sbom
