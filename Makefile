# CLIENTS names the client file; without it the synthetic sample that ships with the project is used.
# BANK names the folder of seeds/banks that says what the columns of the file are; without it, the one whose columns it has.
# SHEET names the sheet of a workbook, without it the first is read.
# ENGINE=spark builds the models on Spark (Java 17, half a gigabyte) instead of DuckDB, ENGINE=spark_thrift on a cluster.
# SERIES names the series of releases that a file is compared with, ALLOW_DRIFT=1 publishes although it drifted.
# DECK_TEMPLATE names the bank's own .pptx for the presentation.
BANK ?=
NAME ?=
CLIENTS ?=
PYTHON ?= python3
BIN := .venv/bin
SEGMENT ?=
CANDIDATE ?=
PILOT ?=
SHEET ?=
SERIES ?=
ALLOW_DRIFT ?=
ENGINE ?=
DECK_TEMPLATE ?=
ROWS ?=
export PYTHONPATH := python

SETTINGS := CLIENTS BANK NAME SHEET ENGINE SERIES ALLOW_DRIFT DECK_TEMPLATE SEGMENT CANDIDATE PILOT PYTHON ROWS
UNKNOWN := $(filter-out $(SETTINGS),$(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))
ifneq ($(UNKNOWN),)
$(error unknown setting $(UNKNOWN); known are $(SETTINGS))
endif

# What a setting that is on or off stands for; only 1 is on, and 0 is not taken for it.
switch = $(if $($1),$(if $(filter 1,$($1)),$2,$(error $1 is set by $1=1, and left out otherwise; it is not $($1))))

# Text as it was given: make takes a $ in a path for one of its variables. The shell gets it from the environment.
$(foreach name,CANDIDATE CLIENTS DECK_TEMPLATE ENGINE NAME PILOT SEGMENT SERIES SHEET,$(eval export override $(name) := $$(value $(name))))

.PHONY: report bank check quick-tests activation adopt evaluate rollback calibrate benchmark test parity lint bouncer-env spark-env dbt-and-pytest faults soak bi-env audit

report: .venv/installed $(if $(filter spark%,$(ENGINE)),spark-env)
	@$(BIN)/python -m $(if $(filter-out duckdb,$(ENGINE)),spark.report --engine="$$ENGINE",bank_segments.report) $(if $(CLIENTS),--clients="$$CLIENTS") $(if $(SHEET),--sheet="$$SHEET") $(if $(SERIES),--series="$$SERIES") $(call switch,ALLOW_DRIFT,--allow-drift) $(if $(DECK_TEMPLATE),--deck-template="$$DECK_TEMPLATE")

# CLIENTS names a file that no bank folder describes, NAME the folder that a proposal for it is written into.
bank: .venv/installed
	@$(BIN)/python -m bank_segments.ingest.propose --clients="$$CLIENTS" --name="$$NAME" $(if $(SHEET),--sheet="$$SHEET")

# SEGMENT names the segment whose campaign list is written, with the bank's ids, into activation/; PILOT=1 splits it into
# the arms of a pilot, offer and control.
activation: .venv/installed
	@$(BIN)/python -m bank_segments.release.activation $(call switch,PILOT,--pilot) -- "$$SEGMENT"

# PILOT names the list of a pilot that came back with a column is_churned; the page and the row are written into pilots/.
evaluate: .venv/installed
	@$(BIN)/python -m bank_segments.evaluate -- "$$PILOT"

# CANDIDATE names a candidate_id of marts.fct_segment_candidates, which becomes a segment of the registers.
adopt: .venv/installed
	@$(BIN)/python -m bank_segments.release.adopt -- "$$CANDIDATE"

rollback: .venv/installed
	@$(BIN)/python -m bank_segments.report --roll-back

# Minutes, and best on a machine that does nothing else: writes models/docs/calibration.md.
calibrate: .venv/installed
	@$(BIN)/python -m calibration

# Most of an hour, on 20 GB of free disk: times the models against pandas and polars, prints every bar, writes
# models/docs/benchmark.md. ROWS names one number of clients: minutes, and only target/benchmark/<rows>.json is written.
benchmark: .venv/installed
	@$(BIN)/python -m benchmark $(if $(ROWS),--rows $(ROWS))

# Minutes: writes what the tests of bad inputs and faults see into models/docs/faults.md; in CI they fail where it differs.
faults: .venv/installed
	FAULTS=write $(BIN)/pytest tests/test_bad_input.py tests/test_faults.py tests/test_degenerate_files.py tests/test_gate.py tests/test_expectations.py tests/test_report.py

# A quarter of an hour: 20 kills, each followed by a run that must publish; 8 readers for two minutes; writes
# their counts into models/docs/faults.md. CI runs less of it.
soak: .venv/installed
	SOAK=1 $(BIN)/pytest tests/test_faults.py

# A minute on two cores: the linters, and the tests that need nothing but .venv and build no more than one warehouse.
check: .venv/installed
	@$(MAKE) --no-print-directory --jobs=2 --output-sync lint quick-tests

quick-tests: .venv/installed
	$(BIN)/pytest -q -m "not slow" --numprocesses=2 --dist=loadfile

# Each stage prints its seconds, in CI as on a desk.
test: .venv/installed
	@for stage in lint dbt-and-pytest; do \
		start=$$(date +%s); \
		$(MAKE) --no-print-directory $$stage || exit 1; \
		echo "stage $$stage: $$(($$(date +%s) - start)) s"; \
	done

lint: .venv/installed target/sql-linted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Half a minute for all: what passed is linted again when it changes, or what all of it is rendered with.
RENDERED_WITH := .sqlfluff .venv/installed $(shell find macros seeds tests/lint_context -type f ! -name '*.pyc')
target/sql-linted: $(RENDERED_WITH) $(shell find analyses models tests -name '*.sql')
	$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar $(if $(filter $(RENDERED_WITH),$?),.,$?)
	@mkdir -p $(@D) && touch $@

# dbt-bouncer, which tests/test_layering.py runs, needs duckdb<2: an environment of its own.
bouncer-env: .venv-bouncer/installed

# What tests/test_bi_clients.py connects with: DuckDB 1.5 and all that needs it, DuckDB 1.4 beside it, and, where there is
# npm, DuckDB for Node.
bi-env: .venv-bi/installed .venv-bi/oldest/installed .venv-bi/npm/installed

# Spark is half a gigabyte: an environment of its own, for those who build on it. dbt finds the project's plugin there.
spark-env: .venv-spark/installed
	@echo '$(CURDIR)/python' > $$(.venv-spark/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/bank_segments.pth

# Builds CLIENTS on DuckDB and on ENGINE, spark where it is not named, and prints how many rows of each mart differ.
parity: .venv/installed spark-env
	@$(BIN)/python -m spark.parity $(if $(CLIENTS),--clients="$$CLIENTS") $(if $(ENGINE),--engine="$$ENGINE")

dbt-and-pytest: .venv/installed bouncer-env bi-env
	$(BIN)/pytest --durations=15 --numprocesses=2 --dist=loadfile --no-loadscope-reorder

# Prints the advisories that PyPI has on the locked libraries; never fails.
audit: .venv-audit/installed
	@.venv-audit/bin/python .ci/audit.py requirements.lock

# --no-deps: a lock file is complete, and pip cannot match a hash to a package asked for with an extra.
.venv/installed: requirements.lock
.venv-bouncer/installed: requirements-bouncer.lock
.venv-spark/installed: requirements-spark.lock
.venv-bi/installed: requirements-bi.lock
.venv-audit/installed: requirements-audit.lock
.venv/installed .venv-bouncer/installed .venv-spark/installed .venv-bi/installed .venv-audit/installed:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make: $(PYTHON) is older than 3.11; name a newer one, as in PYTHON=python3.12")'
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	@touch $@

.venv-bi/oldest/installed: requirements-bi-oldest.lock | .venv-bi/installed
	.venv-bi/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --upgrade \
		--target $(@D) --requirement $<
	@touch $@

.venv-bi/npm/installed: tests/bi/package.json tests/bi/package-lock.json | .venv-bi/installed
	@mkdir -p $(@D)
	@cp $^ $(@D)
	@if command -v npm > /dev/null; then cd $(@D) && npm ci --silent --no-audit --no-fund; \
		else echo "make: there is no npm here, so DuckDB for Node is not installed"; fi
	@touch $@
