# Every target says what it does after `##`; `make help` lists them.
SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# Stamps of what is installed in $(VENV); a change of pyproject.toml makes them old.
DEV := $(VENV)/.argosy-dev
DEMO := $(VENV)/.argosy-demo
NODE_MODULES := clients/typescript/node_modules/.package-lock.json
# A server of the S3 protocol that checks signatures and checksums, for tests. Another version makes the stamp old.
VERSITYGW_VERSION := v1.8.0
VERSITYGW := $(VENV)/.argosy-versitygw-$(VERSITYGW_VERSION)
# Their libraries take gigabytes, and where PyTorch is installed, importing skops imports it, in every process.
FRAMEWORKS_VENV := .venv-frameworks
FRAMEWORKS := $(FRAMEWORKS_VENV)/.argosy-frameworks
# Evidently needs an older pandas than all else here runs on.
DATA_QUALITY_VENV := .venv-data-quality
DATA_QUALITY := $(DATA_QUALITY_VENV)/.argosy-data-quality
FRAMEWORK_TESTS := tests/unit/materializers/test_torch.py tests/unit/materializers/test_boosted_trees.py
DATA_QUALITY_TESTS := tests/e2e/test_data_quality.py
# Tests that $(VENV) has not the libraries for.
ELSEWHERE := $(FRAMEWORK_TESTS) $(DATA_QUALITY_TESTS)

# Where it is set, each process that tests start compiles all of Argosy anew: a third of the time to start.
unexport PYTHONDONTWRITEBYTECODE

TYPED := pyclient service tests examples bench tools
GO_CODE := clients/go examples/polyglot/go
GOFMT := $(shell command -v gofmt)
# What the stubs of Go and TypeScript are made with.
HAS_PLUGINS := $(and $(shell command -v go),$(shell command -v npm))
# What a test that passed has written is removed at once: all together it would be tens of GB.
SPREAD := --numprocesses auto --maxprocesses 8 --dist worksteal --override-ini tmp_path_retention_policy=failed
PYTEST := $(BIN)/pytest $(SPREAD)
# Keeps the output of checks that run at once apart, where this make can (4.0 and newer).
PARALLEL := $(MAKE) --no-print-directory --keep-going --jobs $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

DEMO_HOME ?= $(CURDIR)/.argosy/demo

##@ Start here

.PHONY: demo
# Embedded, whatever the shell is set up for.
demo: export ARGOSY_HOME := $(DEMO_HOME)
demo: export ARGOSY_SERVER :=
demo: $(DEMO) ## Install, train on the breast-cancer data, then infer with what the training stored
	$(BIN)/python examples/breast_cancer/training.py
	$(BIN)/python examples/breast_cancer/batch_inference.py
	@printf '\nWhat is stored now (ARGOSY_HOME=%s):\n' "$$ARGOSY_HOME"
	@$(BIN)/argosy artifact list
	@printf '\nHow the new patients differ from those of the training:\n'
	@$(BIN)/argosy artifact preview drift_report

.PHONY: demo-data-quality
demo-data-quality: export ARGOSY_HOME := $(DEMO_HOME)
demo-data-quality: export ARGOSY_SERVER :=
demo-data-quality: demo $(DATA_QUALITY) ## The same, then Evidently's report on the data of both, kept as an artifact
	@printf '\nThe data that arrived, compared with that of training:\n'
	$(DATA_QUALITY_VENV)/bin/python examples/breast_cancer/data_quality.py
	@printf '\nThe report, a page to open:\n'
	@$(BIN)/argosy artifact preview data_quality_report --scripts

.PHONY: test
test: $(DEV) ## Install what the tests need and run them; needs no root
	$(PYTEST) $(addprefix --ignore=,tests/clients $(ELSEWHERE))

.PHONY: serve
serve: $(DEMO) ## Run a server (ARGS=--help tells its settings)
	$(BIN)/argosy-server serve $(ARGS)

##@ Change it

.PHONY: check
check: $(DEV) ## Format, lint, types, imports, protos, generated code, fast tests
	@$(PARALLEL) $(CHECKS) && echo "all checks passed"

.PHONY: fmt
fmt: $(DEV) ## Format everything and fix what lint can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/buf format --write protos
	$(if $(GOFMT),gofmt -w $(GO_CODE))

.PHONY: proto
proto: $(DEV) $(NODE_MODULES) have-go ## Generate the Python, Go and TypeScript code from protos/, and protos/testdata
	$(BIN)/python tools/generate_python.py pyclient
	$(BIN)/python -m tools.make_testdata
	cd clients/go && ../../$(BIN)/buf generate
	cd clients/typescript && ../../$(BIN)/buf generate

.PHONY: release-protos
release-protos: $(DEV) ## Make the protos of now the ones `buf breaking` protects (tell it in CHANGELOG.md)
	$(BIN)/buf build protos --exclude-source-info --output protos/released.binpb

.PHONY: test-clients
test-clients: $(DEV) $(NODE_MODULES) have-go have-maven ## Prove the Go, TypeScript and Java clients against each other and a real server
	$(PYTEST) tests/clients

.PHONY: backends
backends: ## Install what some tests run against, where this is Debian and we may
	tools/install_backends.sh

.PHONY: versitygw
versitygw: $(VERSITYGW) ## Install an S3 server that checks signatures; without it the tests on it are not run

.PHONY: frameworks
frameworks: $(FRAMEWORKS) ## Install PyTorch, XGBoost and LightGBM (6 GB, in an environment of their own)

.PHONY: test-frameworks
test-frameworks: export ARGOSY_TEST_REQUIRE := frameworks
test-frameworks: $(FRAMEWORKS) ## Install these and run their tests
	$(FRAMEWORKS_VENV)/bin/pytest $(SPREAD) $(FRAMEWORK_TESTS)

.PHONY: test-data-quality
test-data-quality: export ARGOSY_TEST_REQUIRE := data-quality
test-data-quality: $(DEV) $(DATA_QUALITY) ## Install Evidently (1 GB, in an environment of its own) and test the report
	$(BIN)/pytest $(DATA_QUALITY_TESTS)

.PHONY: bench
bench: $(DEV) ## Measure, and print a table with ratios (ARGS=--help tells more)
	$(BIN)/python -m bench $(ARGS)

.PHONY: bench-transfer
bench-transfer: $(DEV) ## Measure how bytes move, against limits (ARGS=--peers: and against MLflow and ZenML)
	$(BIN)/python -m bench.transfer $(ARGS)

.PHONY: bench-scale
bench-scale: $(DEV) ## Measure a million versions, PostgreSQL, object stores and workers (ARGS=--help tells more)
	$(BIN)/python -m bench.scale $(ARGS)

.PHONY: bench-clients
bench-clients: $(DEV) $(NODE_MODULES) have-go have-maven ## Measure the clients of all languages against the Python one
	$(BIN)/python -m bench.clients $(ARGS)

.PHONY: soak
soak: $(DEV) ## Break a fleet at random for 3 minutes and check what must always be true (ARGS=--help tells more)
	$(BIN)/python -m tests.soak $(ARGS)

.PHONY: docs
# Never --quiet, by which MkDocs does not count warnings.
docs: export NO_MKDOCS_2_WARNING := 1
docs: $(DEV) ## Build the site of docs/ into build/docs, with the references; any broken link fails
	$(BIN)/python -m mkdocs build --strict --config-file tools/site/mkdocs.yml
	@echo "the site is in build/docs; with search: python3 -m http.server --directory build/docs"

.PHONY: picture
picture: $(DEV) ## Make the picture of the README again, by running make demo's commands in a terminal
	$(BIN)/python -m tools.make_picture

.PHONY: clean
clean: ## Remove what was installed or built; stored artifacts stay
	rm -rf $(VENV) $(FRAMEWORKS_VENV) $(DATA_QUALITY_VENV) build dist clients/typescript/node_modules clients/typescript/dist clients/java/target
	rm -rf examples/polyglot/node_service/node_modules
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(wildcard $(TYPED)) -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The parts of `make check`, each also a target of its own.

STATIC_CHECKS := check-types check-format check-lint check-imports check-protos check-generated check-stubs check-docs
CHECKS := $(STATIC_CHECKS) check-fast-tests

.PHONY: $(CHECKS) check-static
check-static: $(DEV)
	@$(PARALLEL) $(STATIC_CHECKS) && echo "all static checks passed"
check-format: $(DEV)
	$(BIN)/ruff format --check .
	@unformatted=$$($(if $(GOFMT),gofmt -l $(GO_CODE))); \
	  test -z "$$unformatted" || { echo "run 'make fmt', these are not formatted:" $$unformatted >&2; exit 1; }
check-lint: $(DEV)
	$(BIN)/ruff check .
check-types: $(DEV)
	$(BIN)/mypy $(TYPED)
check-imports: $(DEV)
	$(BIN)/lint-imports
check-protos: $(DEV)
	$(BIN)/buf lint protos
	$(BIN)/buf format --diff --exit-code protos
	$(BIN)/buf breaking protos --against protos/released.binpb
check-generated: $(DEV)
	$(BIN)/python tools/generate_python.py pyclient --check
	$(BIN)/python -m tools.make_testdata --check
check-stubs: $(DEV) $(if $(HAS_PLUGINS),$(NODE_MODULES))
	$(if $(HAS_PLUGINS),$(BIN)/pytest --quiet tests/clients/test_sources.py -k committed_stubs,@echo "not checked without Go and npm: the stubs of Go and TypeScript")
check-docs: docs
check-fast-tests: $(DEV)
	$(PYTEST) --quiet $(addprefix --ignore=,$(ELSEWHERE)) tests/unit tests/architecture

# What has to be installed.

$(DEV): pyproject.toml tools/make_venv.sh
	tools/make_venv.sh dev
	@touch $(DEV) $(DEMO)

# Making the development environment touches this one too: it holds all that a user's one does.
$(DEMO): pyproject.toml tools/make_venv.sh
	tools/make_venv.sh pandas,sklearn
	@touch $@

$(NODE_MODULES): clients/typescript/package-lock.json clients/typescript/package.json clients/typescript/.npmrc
	@command -v npm >/dev/null || { echo "npm is needed for the TypeScript client: install Node.js 20 or newer" >&2; exit 1; }
	cd clients/typescript && npm ci --no-audit --no-fund
	@touch $@

$(VERSITYGW): | $(DEV) have-go
	GOBIN=$(CURDIR)/$(BIN) go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VERSION)
	@touch $@

# What is not compiled here is when it is imported: most of it never is.
$(FRAMEWORKS): pyproject.toml tools/make_venv.sh
	tools/make_venv.sh frameworks,test $(FRAMEWORKS_VENV) --no-compile
	@touch $@

$(DATA_QUALITY): pyproject.toml tools/make_venv.sh
	tools/make_venv.sh data-quality $(DATA_QUALITY_VENV) --no-compile
	@touch $@

.PHONY: have-go
have-go:
	@command -v go >/dev/null || { echo "go is needed for the Go client and some tests: install Go, the version clients/go/go.mod names or newer" >&2; exit 1; }

.PHONY: have-maven
have-maven:
	@command -v mvn >/dev/null || { echo "mvn is needed for the Java client: install a JDK (17 or newer) and Maven" >&2; exit 1; }
