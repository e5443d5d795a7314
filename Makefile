# Targets for people and CI; `make help` lists them.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
SOURCES := schemas processors streams infra tests bench $(wildcard docs/*.py)

# Bytecode is kept: the tests start many hundred processes.
unexport PYTHONDONTWRITEBYTECODE

# Runs a line, so it belongs to the slow tests.
NEW_STEP := tests/architecture/test_a_new_step.py

# Each runs in a process of its own. Tests that share a line or a broker are in one of them.
TESTS := test-earlier-e2e test-later-e2e test-early-integration test-middle-integration test-early-faults \
	test-middle-faults test-chaos test-late-faults test-late-integration
FILES_OF_test-chaos := tests/faults/test_chaos.py
FILES_OF_test-earlier-e2e := $(wildcard tests/e2e/test_[a-l]*.py)
FILES_OF_test-later-e2e := $(wildcard tests/e2e/test_[m-z]*.py)
FILES_OF_test-early-integration := $(wildcard tests/integration/test_[a-o]*.py)
FILES_OF_test-middle-integration := $(wildcard tests/integration/test_[p-s]*.py)
FILES_OF_test-late-integration := $(wildcard tests/integration/test_[t-z]*.py)
FILES_OF_test-late-faults := $(wildcard tests/faults/test_[r-z]*.py)
FILES_OF_test-middle-faults := $(wildcard tests/faults/test_[k-q]*.py) $(NEW_STEP)
FILES_OF_test-early-faults := $(filter-out tests/faults/test_chaos.py,$(wildcard tests/faults/test_[a-j]*.py))
CHECKS := check-units check-others check-types
FILES_OF_check-units := tests/unit/processors
FILES_OF_check-others := tests/unit tests/contract tests/architecture \
	--ignore $(FILES_OF_check-units) --ignore $(NEW_STEP)

# Models would take the processors from measurements and tests. Where they are tested they are on.
export COPYSTAND_ENRICHMENT ?= off
demo: export COPYSTAND_ENRICHMENT := on

# How long faults are injected, and the seed of their schedule.
SECONDS ?= 180
SEED ?= 1
# How many pages `make lab` hands over.
PAGES ?= 2000
# How often `make powercut` cuts the power.
CUTS ?= 50
# How many mutations `make mutations` makes.
COUNT ?= 10000

.PHONY: help install production faults scanners demo test check check-style schemas standards bench
.PHONY: cache chaos lab fulldisk powercut mutations spool tamper rolling uploads
.PHONY: folders defects images judge limits lock long models oldmachine pdf registry shaping
.PHONY: $(TESTS) $(CHECKS)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Install system packages, .venv, Kafka and XSD files; does nothing if they are there
	@sh infra/install.sh

production: ## Install what a line needs, without the tools of developers
	@sh infra/install.sh production

faults: install ## Also install what the fault tests need: strace, toxiproxy, and what `make scanners` does
	@sh infra/install.sh faults

scanners: install ## Also install what tests of scanners need: SANE with its test device
	@sh infra/install.sh scanners

demo: install ## Run a small collection through a line and print the result
	.venv/bin/copystand demo

test: faults check-style ## Run everything that CI runs
	@# Three at a time, since they wait for a part of their time; the longest first. The checks never wait:
	@# some use what the first lines leave while they start, the others what the last tests leave.
	@$(MAKE) --no-print-directory --keep-going --jobs 3 $(wordlist 1,2,$(TESTS)) check-types check-units \
		$(wordlist 3,20,$(TESTS)) check-others

check: install check-style ## Run formatter, linter, type checker and unit tests
	@$(MAKE) --no-print-directory --keep-going --jobs 2 $(CHECKS)

check-style: install
	.venv/bin/ruff format --check $(SOURCES)
	.venv/bin/ruff check $(SOURCES)

check-types:
	.venv/bin/mypy

# Without MAKEFLAGS, since some of these tests run make themselves.
check-units check-others $(TESTS):
	MAKEFLAGS= $(PYTHON) -m pytest -q --durations=12 $(FILES_OF_$@)

schemas: install ## Generate the models from the .avsc files; fails if a schema or a row is missing
	$(PYTHON) -m schemas.generate
	$(PYTHON) -m processors.table_check

standards: install ## Fetch the XSD files and check their digests
	$(PYTHON) -m infra.standards

bench: install ## Measure pages per minute, compared with GNU parallel
	$(PYTHON) bench/line.py

shaping: faults ## Measure a master's transfer over a link of 100 Mbit/s that a backlog fills; adds a row to bench/results.md
	$(PYTHON) -m bench.shaping --record

chaos: faults ## Inject random faults for SECONDS, drawn from SEED; adds a row to docs/reliability.md. ONE_DISK=1: brokers without disks of their own
	$(PYTHON) -m tests.faults.chaos.run --seconds $(SECONDS) --seed $(SEED) --record $(if $(ONE_DISK),--one-disk)

fulldisk: install ## Fill the one disk of a line by bytes, inodes, a delivery and a log
	$(PYTHON) -m pytest -q -m "long or not long" tests/faults/test_full_disk.py

powercut: install ## Cut the power of lines 50 times at moments drawn from SEED; adds a row to docs/reliability.md
	$(PYTHON) -m tests.faults.power_cut.run --cuts $(CUTS) --seed $(SEED) --record

mutations: install ## Tamper with exported logs in COUNT random ways, drawn from SEED; adds a row to docs/reliability.md
	$(PYTHON) -m tests.faults.log_mutations --count $(COUNT) --seed $(SEED) --record

spool: install ## Scan 200 pages while broker and store are gone for ten minutes, and upload to tusd; adds a row to docs/reliability.md
	@sh infra/install.sh spool
	$(PYTHON) -m pytest -q -m "long or not long" tests/faults/test_foreign_upload_server.py
	$(PYTHON) -m tests.faults.spool_outage --pages 200 --seconds 600 --record

tamper: install ## Tamper with copies of one line in many ways, drawn from SEED; adds a row to docs/reliability.md
	$(PYTHON) -m tests.faults.tampering.run --seed $(SEED) --record

uploads: install ## Cut uploads 1,000 times, kill the server 50 times, drawn from SEED, and let tus-js-client upload; adds a row to docs/reliability.md
	@sh infra/install.sh uploads
	$(PYTHON) -m pytest -q -m "long or not long" tests/faults/test_upload_clients.py
	$(PYTHON) -m tests.faults.upload_cuts --count 1000 --kills 50 --seed $(SEED) --record

registry: install ## Read topics in Python, Java, JavaScript and the shell, with a schema registry and without
	@sh infra/install.sh registry
	$(PYTHON) -m pytest -q -m "long or not long" tests/integration/test_other_languages.py

pdf: install ## Judge the PDFs of items with veraPDF and qpdf, also one of 1,500 pages
	@sh infra/install.sh pdf
	$(PYTHON) -m pytest -q -m "long or not long" tests/integration/test_pdf_judges.py

cache: install ## Read 5 GB of masters in a bucket through a cache of 1 GB with two workers, killed meanwhile; adds a row to docs/reliability.md
	$(PYTHON) -m tests.faults.cache_pressure.run --seed $(SEED) --record

lab: install ## Hand 2,000 pages to three stations, two workers and a bucket in separate homes; adds a row to docs/reliability.md
	$(PYTHON) -m tests.faults.station_lab --pages $(PAGES) --record

images: install ## Judge 300 intact images of many writers and 300 holes in them; adds a row to docs/reliability.md
	@sh infra/install.sh images
	$(PYTHON) -m tests.images.run --seed $(SEED) --record

judge: install ## Let bagit, metsrw, OCR-D, mets-mods2tei and the DDB's rules judge packages of all material; SETS names some
	$(PYTHON) -m tests.judges.run $(SETS)

defects: install ## Plant each defect that the checkers must find
	$(PYTHON) -m pytest -q -m "long or not long" tests/faults/test_planted_defects.py

folders: install ## Submit 20 random folders to a line; every file must be in a package, in quarantine or in the log
	FOLDERS=20 $(PYTHON) -m pytest -q tests/e2e/test_random_folders.py

models: install ## Train the models of analyzers from ../shared/corpora, write weights and model cards, and test them
	OMP_NUM_THREADS=1 VIPS_CONCURRENCY=1 $(PYTHON) -m bench.training
	$(PYTHON) -m pytest -q -m "long or not long" tests/unit/bench/training tests/unit/processors/enrich

limits: install ## Hold limits of lanes for ten minutes, in a worker alone and on a line
	$(PYTHON) -m pytest -q -s -m "long or not long" tests/integration/test_lane_rates.py tests/e2e/test_lane_limits.py

oldmachine: install ## Process a batch on one core and 1.5 GB of memory, also with a slow disk
	$(PYTHON) -m pytest -q -s -m long tests/faults/test_old_machine.py

rolling: install ## Restart every role ten times under load
	$(PYTHON) -m tests.faults.rolling --rounds 10

long: faults scanners ## Run the tests that make test leaves out, and that have no target of their own
	$(PYTHON) -m pytest -q -m long tests/e2e tests/integration tests/faults/test_database_lost.py \
		tests/faults/test_hostile.py tests/faults/test_rolling_restarts.py tests/faults/test_two_machines.py \
		--ignore tests/e2e/test_documented_commands.py \
		--ignore tests/e2e/test_lane_limits.py --ignore tests/integration/test_lane_rates.py \
		--ignore tests/integration/test_other_languages.py --ignore tests/integration/test_pdf_judges.py
	$(PYTHON) -m pytest -q -m "long or not long" tests/e2e/test_documented_commands.py

lock: install ## Compile requirements.lock and requirements-dev.lock from their .in files
	@command -v uv >/dev/null || .cache/uv/bin/uv --version >/dev/null 2>&1 || \
		{ python3 -m venv .cache/uv && .cache/uv/bin/pip install -q uv; }
	@# In this order: the second one takes its versions from the first.
	for name in requirements requirements-dev; do \
		PATH="$$PATH:.cache/uv/bin" uv pip compile -q --universal --generate-hashes \
			--python-version 3.11 -o $$name.lock $$name.in || exit; \
	done
