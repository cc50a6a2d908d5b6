# `make run` and `make test` set up everything they need by themselves.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
SERVING := .venv-serving
BIN := $(VENV)/bin
LOCKS := $(wildcard requirements/*.lock) requirements/bootstrap.sh setup.py
PIPELINE ?= taxi
IMAGE ?= weighbridge
DOCKERFILE ?= infra/docker/Dockerfile
ENGINE ?= $(shell command -v podman || command -v docker)

# Tests of one file stay on one worker, which shares what the file's fixtures made; tests/conftest.py says in which order.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup serving run test test-slow test-all lint format lock audit sbom bench bench-gates docs docs-notebooks docs-serve image serving-image clean

help: ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

$(VENV)/.ready-run: $(LOCKS)
	@sh requirements/bootstrap.sh run

$(VENV)/.ready-dev: $(LOCKS)
	@sh requirements/bootstrap.sh dev

setup: $(VENV)/.ready-dev ## set up what tests and lints need

$(SERVING)/.ready-serving: requirements/serving-py311.lock requirements/bootstrap.sh setup.py
	@sh requirements/bootstrap.sh serving

serving: $(SERVING)/.ready-serving ## set up what `weighbridge serve` starts: KServe's model server, in .venv-serving

run: $(VENV)/.ready-run ## set up, run the taxi pipeline on real data, show the verdict (PIPELINE=name for another)
	@$(BIN)/weighbridge run $(PIPELINE)

test: $(VENV)/.ready-dev ## set up and run the quick tests: all but those marked slow (T=... for more arguments to pytest)
	@$(PYTEST) -m "not slow" $(if $(COVERAGE),--cov) $(T)

test-slow: $(VENV)/.ready-dev ## run the tests that `test` leaves out: whole runs, killed processes, containers, Jenkins
	@$(PYTEST) -m slow $(T)

test-all: test test-slow ## run all tests: the quick ones, then the slow ones

lint: $(VENV)/.ready-dev ## formatting, style, types and the layers between packages
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.ready-dev ## let ruff format and fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(VENV)/.ready-run ## resolve requirements/*.in into the lock files again
	@sh requirements/lock.sh

audit: $(VENV)/.ready-run ## compare the lock files with the advisories of PyPI or OSV (requirements/advisories.yaml: what is accepted)
	@$(BIN)/python requirements/audit.py

sbom: $(VENV)/.ready-run ## write what this environment is made of, with licences, to sbom.cdx.json (CycloneDX; OUTPUT=file)
	@$(BIN)/weighbridge sbom --output "$(or $(OUTPUT),sbom.cdx.json)"

bench: $(VENV)/.ready-dev ## speed and memory against stock TFX, side by side; takes two hours (ARGS="--rows 15002" for a minute)
	@$(BIN)/python -m benchmarks --results benchmarks/RESULTS.md $(ARGS)

bench-gates: $(VENV)/.ready-dev ## how often gates are wrong, ours and others'; takes half an hour (ARGS="--gate quality" for a minute)
	@$(BIN)/python -m benchmarks gates --results benchmarks/gates/RESULTS.md --page docs/gates.md --charts docs/images $(ARGS)

docs: $(VENV)/.ready-dev ## build the documentation into site/, strictly: a warning or a dead link fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-notebooks: $(VENV)/.ready-dev ## the same, the notebooks executed first and shown with their outputs (some minutes)
	@$(BIN)/python -m tests.notebooks.execute build/notebooks
	@$(MAKE) --no-print-directory docs

docs-serve: $(VENV)/.ready-dev ## show the documentation at http://127.0.0.1:8000/ while you write (PORT=...)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --no-strict --dev-addr 127.0.0.1:$(or $(PORT),8000)

image: ## build the image that steps run in (IMAGE=name, BASE=image with Python 3.11); see infra/docker/README.md
	@test -n "$(ENGINE)" || { echo "make image: needs podman or docker on PATH" >&2; exit 2; }
	@$(ENGINE) build --file $(DOCKERFILE) --tag "$(IMAGE)" $(if $(BASE),--build-arg BASE="$(BASE)") \
		--build-arg REVISION="$$(git describe --always --abbrev=40 --exclude '*' --dirty 2>/dev/null || echo unknown)" \
		$(BUILD_ARGS) .

serving-image: ## build the image that models are served from (IMAGE=name, BASE=…); see infra/docker/README.md
	@$(MAKE) --no-print-directory image DOCKERFILE=infra/docker/serving.Dockerfile \
		IMAGE="$(if $(filter file,$(origin IMAGE)),weighbridge-serving,$(IMAGE))"

clean: ## remove the virtual environment and the tools, keep runs
	@rm -rf $(VENV) $(SERVING) .tools
