# The two commands that matter are `make run` and `make test`; `make help` lists the others.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PROTOS := $(shell find protos/dunlin -name '*.proto')
MODULES := services gateway embedded tests bench
MOST_LINES := 400

.PHONY: help
help: ## List these targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

##### Running

.PHONY: run
run: install ## Start Dunlin with a sample company; Ctrl-C stops it
	@$(BIN)/dunlin up --sample

##### The stack of containers

# Keys, passwords and certificates of the stack; docker-compose.yml reads the same variable.
export DUNLIN_SECRETS ?= ./var/stack
export DUNLIN_TAG ?= local
IMAGE := dunlin:$(DUNLIN_TAG)
COMPOSE := docker compose

.PHONY: image
image: ## Build the image that every program of the stack runs from
	@$(COMPOSE) build migrate

# By the image, so that this machine needs nothing but docker and make; as this user, who then owns them.
.PHONY: secrets
secrets: ## Make the secrets of the stack that are not there yet
	@mkdir -p -m 700 $(DUNLIN_SECRETS)
	@docker run --rm --network none --read-only --cap-drop ALL --user "$$(id -u):$$(id -g)" \
	  --volume "$(abspath $(DUNLIN_SECRETS)):/secrets" $(IMAGE) python -m embedded.stack.secrets /secrets

.PHONY: up
# Migrations may take long on large tables. What does not come up is told earlier, by its health check.
up: image secrets ## Build and start the stack of containers, and say what to do next
	@$(COMPOSE) up --detach --wait --wait-timeout 3600
	@echo; $(COMPOSE) exec -T gateway python -m embedded.stack.welcome

# The keys move first: the secrets that are missing would be made anew, and links in mails sent before be dead.
.PHONY: move
move: image ## Move the data of an embedded company to the empty stack: make move FROM=var
	@test -d "$(FROM)/db" || { echo "Say from where: make move FROM=var"; exit 1; }
	@mkdir -p -m 700 $(DUNLIN_SECRETS)
	@for key in link-key session-key portal-key; do \
	  test -e $(DUNLIN_SECRETS)/$$key || install -m 444 $(FROM)/secrets/$$key $(DUNLIN_SECRETS)/$$key; done
	@$(MAKE) --no-print-directory secrets
	@$(COMPOSE) up --detach --wait postgres
	@$(COMPOSE) run --rm --no-deps --user "$$(id -u):$$(id -g)" --volume "$(abspath $(FROM)):/from" migrate \
	  dunlin migrate --from-sqlite /from
	@echo "Go on with: make up"

.PHONY: login
login: ## Add a person who may sign in at the stack: make login EMAIL=you@example.com
	@test -n "$(EMAIL)" || { echo "Say who: make login EMAIL=you@example.com"; exit 1; }
	@$(COMPOSE) exec -T gateway dunlin staff add "$(EMAIL)"

.PHONY: sample
sample: ## Fill the empty books of the stack with a sample company
	@$(COMPOSE) exec -T gateway python -m embedded.sample

.PHONY: logs
logs: ## Follow what the stack says
	@$(COMPOSE) logs --follow --tail 100

.PHONY: down
down: ## Stop the stack; its data stays
	@$(COMPOSE) down
	@echo "The data is still there, and make up finds it again. To remove it for good: $(COMPOSE) down --volumes"

##### Installing

.PHONY: install
install: $(VENV)/.installed ## Make .venv with what is needed to run

.PHONY: install-dev
install-dev: $(VENV)/.installed-dev ## Make .venv with what is needed to develop and test

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Dunlin needs (once, a minute or two)"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what developing needs (once, a minute or two)"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.installed

# Debian's Python comes without what makes a venv; its package is installed where we may.
$(BIN)/python:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Dunlin needs Python 3.11 or later; install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@if ! "$(PYTHON)" -c 'import ensurepip, venv' 2> /dev/null; then \
	  package="python$$("$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    echo "Installing $$package"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$$package"; \
	  else \
	    echo "This Python cannot make virtual environments. Run: sudo apt-get install $$package"; exit 1; \
	  fi; \
	fi
	@"$(PYTHON)" -m venv $(VENV)

##### Contracts

PROTOC = $(BIN)/python -m grpc_tools.protoc -Iprotos \
  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
  --python_out=$(1) --grpc_python_out=$(1) --mypy_out=quiet:$(1) --mypy_grpc_out=quiet:$(1) $(PROTOS)

.PHONY: protos
protos: install-dev ## Make the stubs in protos/gen anew
	@mkdir -p protos/gen
	@$(call PROTOC,protos/gen)

# Sentences that stand in the code no more go to the end of the file, as comments.
.PHONY: texts
texts: install-dev ## Collect the sentences of pages for clients, to be translated in gateway/texts
	@collected=$$(mktemp); trap 'rm -f "$$collected"' EXIT; \
	$(BIN)/pybabel -q extract -F pyproject.toml --no-location --sort-output -o "$$collected" gateway; \
	for language in gateway/texts/*.po; do \
	  $(BIN)/pybabel -q update --no-fuzzy-matching --ignore-pot-creation-date --width 110 \
	    -i "$$collected" -o "$$language" -l "$$(basename "$$language" .po)"; done

.PHONY: protos-check
protos-check: install-dev ## Fail if the stubs in protos/gen are not those of the protos
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(call PROTOC,"$$fresh"); \
	diff -rq --exclude=__pycache__ --exclude='__init__.py' "$$fresh" protos/gen \
	  && echo "The stubs are fresh." || { echo "The stubs are stale: run make protos"; exit 1; }

##### Checking

.PHONY: lint
lint: install-dev ## Check style, types, layers, contracts, sizes
	@echo "ruff";          $(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@echo "mypy --strict"; $(BIN)/mypy
	@echo "import-linter"; $(BIN)/lint-imports --no-cache > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	@echo "buf";           $(BIN)/buf lint protos
	@echo "sizes";         find $(MODULES) -name '*.py' -exec wc -l {} + \
	  | awk '$$2 != "total" && $$1 > $(MOST_LINES) { print $$2 " has " $$1 " lines; $(MOST_LINES) are allowed"; bad = 1 } END { exit bad }'

.PHONY: test
test: install-dev ## Run all tests: without servers first, then the whole product
	@$(BIN)/python tests/run.py unit servers e2e browser acceptance faults stack

.PHONY: test-unit
test-unit: install-dev ## Run the tests that need no server, in a minute or two
	@$(BIN)/python tests/run.py unit

.PHONY: test-servers
test-servers: install-dev ## Run the tests against PostgreSQL and RabbitMQ (TEST_POSTGRES_URL, TEST_AMQP_URL or containers)
	@$(BIN)/python tests/run.py servers

.PHONY: test-e2e
test-e2e: install-dev ## Run the tests over running programs
	@$(BIN)/python tests/run.py e2e

.PHONY: test-browser
test-browser: install-dev ## Run the story in headless Chromium; screenshots go to tests/output
	@$(BIN)/python tests/run.py browser

.PHONY: test-acceptance
test-acceptance: install-dev ## Replay real invoice lists
	@$(BIN)/python tests/run.py acceptance

.PHONY: test-faults
test-faults: install-dev ## Kill programs while they work, with little in flight
	@$(BIN)/python tests/run.py faults

# What was there before is not of this run. The table is written also where something did not hold: it says so.
.PHONY: faults
faults: install-dev ## Break everything at full size (an hour or so); the table goes to docs/measured
	@rm -f tests/output/faults-*.json
	@ended=0; DUNLIN_FAULTS=full $(BIN)/python tests/run.py faults || ended=1; \
	$(BIN)/python -m tests.faults.results docs/measured/faults.md || ended=1; exit $$ended

.PHONY: test-stack
test-stack: install-dev ## Build the image, bring up the stack of containers, run the story against it from outside
	@$(BIN)/python tests/run.py stack

.PHONY: golden
golden: install-dev ## Write the golden files of the shipped mails anew; read what changed before you commit
	@PYTHONPATH=.:protos/gen $(BIN)/python -m tests.unit.mailer.golden_mails

.PHONY: gallery
gallery: install-dev ## Picture every mail on a desk and on a phone, in docs/gallery
	@PYTHONPATH=.:protos/gen $(BIN)/python -m tests.browser.gallery

##### Measuring

.PHONY: bench
bench: install-dev ## Measure speed beside limits and peers; the table goes to docs/measured
	@$(BIN)/python bench/run.py --out docs/measured $(BENCH)

.PHONY: clean
clean: ## Remove what was made, but not var/ with its data
	@rm -rf $(VENV) build *.egg-info tests/output .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find $(MODULES) protos -name __pycache__ -type d -prune -exec rm -rf {} +
