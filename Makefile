# What people and CI call. `make help` says what there is.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
SOURCES := schemas processors streams infra tests bench

# How long misfortunes happen, and what they are drawn from.
SECONDS ?= 180
SEED ?= 1

.PHONY: help install faults demo test check schemas standards bench chaos rolling lock

help: ## What there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## System packages, .venv, Kafka, XSD files; quick when they stand
	@sh infra/install.sh

faults: install ## What the fault suite needs beside: strace, toxiproxy
	@sh infra/install.sh faults

demo: install ## A small collection through the whole line, and what came of it
	.venv/bin/copystand demo

test: check faults ## Everything that CI runs
	@# Side by side: most of them wait most of the time.
	$(PYTHON) -m pytest -q tests/faults & \
	$(PYTHON) -m pytest -q tests/e2e tests/integration; code=$$?; wait $$! && exit $$code

check: install ## Formatter, linter, types, unit tests
	.venv/bin/ruff format --check $(SOURCES)
	.venv/bin/ruff check $(SOURCES)
	.venv/bin/mypy
	$(PYTHON) -m pytest -q tests/unit tests/contract tests/architecture

schemas: install ## Models from the .avsc files; says what a fact or the table of steps lacks
	$(PYTHON) -m schemas.generate
	$(PYTHON) -m processors.table_check

standards: install ## The XSD files, checked by digest
	$(PYTHON) -m infra.standards

bench: install ## Pages per minute of the line, beside GNU parallel
	$(PYTHON) bench/line.py

chaos: faults ## Misfortunes of all kinds for SECONDS, drawn from SEED; a line in docs/reliability.md
	$(PYTHON) -m tests.faults.chaos.run --seconds $(SECONDS) --seed $(SEED) --record

rolling: install ## Every role restarted ten times under load
	$(PYTHON) -m tests.faults.rolling --rounds 10

lock: install ## requirements.lock from requirements.in
	@command -v uv >/dev/null || .cache/uv/bin/uv --version >/dev/null 2>&1 || \
		{ python3 -m venv .cache/uv && .cache/uv/bin/pip install -q uv; }
	PATH="$$PATH:.cache/uv/bin" uv pip compile -q --universal --generate-hashes --python-version 3.11 -o requirements.lock requirements.in
