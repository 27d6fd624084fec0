# Everything starts from Python 3.11 or newer with its venv module; see README.md.
#   make demo    a believable project, with web, worker and beat, at http://127.0.0.1:8000/
#   make serve   the same without the demonstration data
# Settings: PORT (8000), LOUPE_DATA (var), PYTHON (the newest that the pins were made for), VENV (.venv).

SHELL := /bin/sh
VENV ?= .venv
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	"$$name" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)
BIN = $(VENV)/bin
PORT ?= 8000
WORKERS ?= 2
export PORT

# The suite and the checks use servers of their own, that trade safety from a power cut for speed
FAST = LOUPE_EPHEMERAL=1

# The benchmarks' are as safe as production's
LOUPE_DATA ?= var
BENCH = LOUPE_DATA=$(LOUPE_DATA)/bench

.PHONY: demo serve test lint bench clean runtime development
.SILENT:

demo: runtime
	$(BIN)/python -m config.start --demo

serve: runtime
	$(BIN)/python -m config.start

test: development
	$(FAST) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

lint: development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	LOUPE_NO_SERVERS=1 $(BIN)/mypy
	LOUPE_NO_SERVERS=1 $(BIN)/lint-imports
	$(FAST) $(BIN)/python manage.py makemigrations --check --dry-run
	if docker compose version >/dev/null 2>&1; then SECRET_KEY=check POSTGRES_PASSWORD=check docker compose config -q; fi

bench: development
	$(BENCH) $(BIN)/python manage.py migrate --no-input -v 0
	for file in benchmarks/[!_]*.py; do \
		name=$$(basename $$file .py); printf '\n%s\n' "$$name"; $(BENCH) $(BIN)/python -m benchmarks.$$name || exit 1; \
	done

clean:
	rm -rf $(VENV) $(VENV).lock var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*

runtime:
	$(call setup,requirements.txt)

development:
	$(call setup,requirements-dev.txt)

# Whichever Python is there runs bin/setup, which says what is missing
define setup
	python="$(PYTHON)"; python="$${python:-$$(command -v python3 || true)}"; \
	if [ -z "$$python" ]; then echo "Python is missing: install Python 3.11 or newer (on Debian and Ubuntu: apt-get install python3 python3-venv)."; exit 1; fi; \
	"$$python" bin/setup "$(VENV)" $(1)
endef
