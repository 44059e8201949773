# make up brings an environment up, make help lists the rest.
STACK  ?= wbyh-stage
PYTHON ?= python3

POSCLOUD := .venv/bin/poscloud
READY := .venv/.ready
READY_DEV := .venv/.ready-dev
READY_BENCH := .venv/.ready-bench

.DEFAULT_GOAL := help
.PHONY: help up preview destroy down clean setup test test-unit test-stacks test-environments test-servers test-real faults kill-points fuzz check lint figures bench bench-quick bench-cold bench-scale bench-archive bench-copies golden schema errors lock bench-watching bench-shop commands test-package test-image test-docs test-browser docs dist

help: ## List the targets.
	@echo "STACK=$(STACK) unless given; known: $(basename $(notdir $(filter-out stacks/base,$(wildcard stacks/*.*))))"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(READY) ## Bring the environment STACK up: installs what is missing, starts the local cluster, runs pulumi up. NODES=real: with real containers.
	@$(if $(NODES),$(POSCLOUD) cluster up --nodes $(NODES))
	@$(POSCLOUD) up -s $(STACK)

preview: $(READY) ## Show what up would change; writes nothing to the environment.
	@$(POSCLOUD) preview -s $(STACK)

destroy: $(READY) ## Remove the environment STACK with its data, and prove that nothing is left.
	@$(POSCLOUD) destroy -s $(STACK)

down: $(READY) ## Stop the local cluster; its data is kept.
	@$(POSCLOUD) cluster down

clean: $(READY) ## Remove the local cluster and all that is in .poscloud, except archives, what opens secrets and the state of stacks elsewhere.
	@$(POSCLOUD) cluster down --delete
	@if [ -z "$$(find .poscloud/state/.pulumi/stacks -name '*.json' -size +1k 2>/dev/null)" ] \
	    && [ ! -e .poscloud/rotation ] && [ ! -e .poscloud/archive ] && ! grep -qs '^encryptionsalt:' Pulumi.*.yaml; then rm -rf .poscloud; \
	  else echo "kept: .poscloud/state and the passphrase, for stacks elsewhere and the secrets in Pulumi.*.yaml; .poscloud/archive"; \
	  cd .poscloud && rm -rf bin cluster logs pulumi activate; fi

setup: $(READY) ## Make the virtual environment and install the toolchain.
	@$(POSCLOUD) toolchain install

test: $(READY_DEV) ## Run the tests: unit, and end to end on a local cluster of their own, quick faults among them.
	@.venv/bin/python -m pytest -n 2 --dist loadfile -m "not servers and not long and not real"

test-unit: $(READY_DEV) ## Run the tests that need no cluster; seconds.
	@.venv/bin/python -m pytest -m "not cluster and not e2e and not servers and not faults and not real"

test-stacks: $(READY_DEV) ## Bring up, preview and destroy every environment of stacks/; make test does two of them.
	@.venv/bin/python -m pytest tests/e2e/test_stacks.py

test-environments: $(READY_DEV) ## Live through copies, their queue, sleep, sweep and janitor, teams and node guard, drift, pushes, shells and services by name, both pipelines, a new passphrase, killed at each step; make test does a share.
	@.venv/bin/python -m pytest -n 2 --dist loadfile $(addprefix tests/e2e/test_,$(addsuffix .py,copies queue sleep sweep_twice janitor templates drift recovery passphrase push_jar shell services_by_name clean watching import)) $(addprefix tests/cluster/test_,team_access.py node_guard.py)

SERVERS ?= tests/servers
test-servers: $(READY_DEV) ## Give rendered configuration to the real Redis, Kafka, nginx, …; needs Debian's apt. SERVERS=files: only these.
	@.venv/bin/python -m pytest -m servers $(SERVERS)

REAL ?= tests/real
test-real: $(READY_DEV) ## Run real containers on nodes of this machine; needs root, Linux with cgroup version 1 and Debian's apt.
	@.venv/bin/python -m pytest -m real $(REAL)

test-package: $(READY_DEV) ## Build the wheel, install it into an empty virtual environment, init, up, destroy in an empty folder.
	@.venv/bin/python -m pytest tests/e2e/test_package.py

test-image: $(READY_DEV) ## Build the Dockerfile's image on a Debian made from packages, and use it as CI does; needs root and Debian's apt. Half an hour the first time, then four minutes.
	@.venv/bin/python -m pytest -m servers tests/image

test-docs: $(READY_DEV) ## Run what stands in the pages: the shell blocks of all of them, the first five minutes, the installation; make test does a share.
	@.venv/bin/python -m pytest tests/unit/test_blocks.py tests/unit/test_docs.py tests/e2e/test_pages.py tests/e2e/test_readme.py tests/e2e/test_package.py

test-browser: $(READY_DEV) ## Look at a report's page in a real headless Chromium, on a phone, in print; needs Debian's apt and npm. POSCLOUD_PICTURES=DIR keeps pictures.
	@.venv/bin/python -m pytest -m servers tests/browser

docs: $(READY_DEV) ## Build the documentation as a site, build/site; a link that leads nowhere is an error.
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

faults: $(READY_DEV) ## Inject the faults of tests/faults into runs of the real engine; prints a table; twenty minutes.
	@.venv/bin/python -m pytest -n 2 --dist loadfile -m faults tests/faults

fuzz: $(READY_DEV) ## Try thousands of inputs that nobody meant on loader, provider and API server; half an hour.
	@POSCLOUD_FUZZ=long .venv/bin/python -m pytest tests/fuzz

POINTS ?= 1-9999
kill-points: $(READY_DEV) ## Kill each process of a run at every request; hours. POINTS=1-20: these requests only; goes on where it ended, if the code is the same.
	@.venv/bin/python -m tests.faults.killcampaign --points $(POINTS) --results .poscloud/kill-points.jsonl

check: lint test-unit ## Everything that needs no cluster: lint, format, types, layers, unit tests.

lint: $(READY_DEV) ## Lint, format, types, layers, links of the documentation.
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@$(MAKE) --no-print-directory docs

dist: $(READY) ## Build wheel and sdist into dist; a tag v… has to have its section in CHANGELOG.md.
	@$(PIP) -c requirements-dev.lock hatchling hatch-vcs || $(NO_INDEX)
	@.venv/bin/python release/dist.py

bench-cold: ## Measure make up with nothing cached, in a clone of its own; takes a quarter of an hour. NODES=real: the set-up of real nodes.
	@sh bench/cold.sh $(NODES)

figures: $(READY_DEV) ## Measure what the README promises; prints a table.
	@.venv/bin/python -m bench

bench: $(READY_BENCH) ## Measure poscloud beside helm, kubectl and a plain program; table, rows and pictures in bench/results; an hour.
	@.venv/bin/python -m bench.peers $(BENCH)

bench-quick: $(READY_DEV) ## The same with 17 services; fails if a ratio got 1.5 times worse than the recorded one.
	@.venv/bin/python -m bench.peers --quick

bench-scale: $(READY_DEV) ## Bring 200 environments of 20 services up, 8 at a time, and remove them; an hour. SCALE="--environments 10": fewer.
	@.venv/bin/python -m bench.scale $(SCALE)

bench-archive: $(READY_DEV) ## Destroy 40 pods in turn with their archive and without; fails above 1.5 times as long; ten minutes.
	@.venv/bin/python -m bench.archive $(BENCH)

bench-copies: $(READY_DEV) ## Create, change and destroy 50 copies of wbyh-stage, 4 at a time; fails at an error or a leftover; half an hour.
	@.venv/bin/python -m bench.copies $(BENCH)

bench-watching: $(READY_DEV) ## Measure status of 200 services, each command's start, and logs -f of 20 pods that write 10 000 lines a second; fails above a bound.
	@.venv/bin/python -m bench.watching $(BENCH)

bench-shop: $(READY_DEV) ## Measure how soon the small sample shop runs on a real node, images made before; fails above 40 s; five minutes. Needs what real nodes need.
	@.venv/bin/python -m bench.shop $(BENCH)

golden: $(READY_DEV) ## Write the golden manifests of all stacks anew; read the difference before you commit it.
	@.venv/bin/python -m tests.write_golden

schema: $(READY) ## Write schemas/environment.schema.json anew.
	@$(POSCLOUD) schema --out schemas/environment.schema.json

errors: $(READY_DEV) ## Write docs/errors.md anew, from poscloud/load/codes.
	@.venv/bin/python -m tests.write_errors

commands: $(READY) ## Write docs/commands.md anew from the commands' help.
	@.venv/bin/python -m poscloud.cli._reference > docs/commands.md

lock: $(READY_DEV) ## Choose the newest allowed versions of all dependencies.
	@.venv/bin/uv pip compile -q --no-header --no-annotate --upgrade pyproject.toml -o requirements.lock
	@.venv/bin/uv pip compile -q --no-header --no-annotate --upgrade --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@.venv/bin/uv pip compile -q --no-header --no-annotate --upgrade --group bench -c requirements-dev.lock pyproject.toml -o requirements-bench.lock
	@.venv/bin/uv pip compile -q --no-header --no-annotate --upgrade --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
	  poscloud/local/nodeimages/python.in -o poscloud/local/nodeimages/python.lock

# A stamp is written last, so that a set-up that was killed is done again.
.venv/.made:
	@echo "virtual environment .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $$($(PYTHON) --version) is too old, 3.11 or newer is needed" >&2; \
	    echo "  run: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "error: $(PYTHON) cannot make a virtual environment" >&2; \
	  echo "  on Debian or Ubuntu run: apt-get install python3-venv" >&2; exit 2; }
	@touch $@

PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check
NO_INDEX = { echo "error: packages could not be installed; is a package index reachable?" >&2; \
  echo "  with a mirror: pip config set global.index-url URL; behind a proxy: export HTTPS_PROXY=URL" >&2; exit 1; }

$(READY): requirements.lock pyproject.toml | .venv/.made
	@echo "Python packages (half a minute when nothing is cached)"
	@$(PIP) -r requirements.lock || $(NO_INDEX)
	@$(PIP) --no-deps -e . || $(NO_INDEX)
	@touch $@

$(READY_DEV): requirements-dev.lock $(READY)
	@echo "Python packages for development"
	@$(PIP) -r requirements-dev.lock || $(NO_INDEX)
	@touch $@

$(READY_BENCH): requirements-bench.lock $(READY_DEV)
	@echo "Python packages for pictures"
	@$(PIP) -r requirements-bench.lock || $(NO_INDEX)
	@touch $@
