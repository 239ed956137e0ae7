# What a person types. Everything is installed into .venv from the hash-locked requirements.

PYTHON ?= python3
PORT ?= 8000
RUN := .venv/bin
READY := .venv/.dev.installed
WORKERS ?= 2
TESTS ?=

# Values that stand for a production machine, so that its checks are run against something.
PRODUCTION := DEPLOYMENT=production SECRET_KEY=$$($(RUN)/python -c "import secrets; print(secrets.token_urlsafe(50))") \
	ALLOWED_HOSTS=clips.example PUBLIC_URL=https://clips.example FAL_KEY=id:secret \
	DATABASE_URL=postgresql://ltxplatform@db/ltxplatform

# The packages are installed uncompiled: without a bytecode cache every start would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test soak mutants check bench fmt lock
.DEFAULT_GOAL := help

help:
	@echo "make demo    start everything with a demo team (PORT=$(PORT)); Ctrl-C stops it"
	@echo "make test    run the tests; TESTS=tests/billing runs a part"
	@echo "make soak    ten thousand jobs that fail in every way, a hundred kills: hours"
	@echo "make mutants break money on purpose, one way after the other: each needs a test that notices"
	@echo "make check   lint, types, layers, migrations, deployment checks"
	@echo "make bench   run the benchmarks"
	@echo "make fmt     format the code"
	@echo "make lock    lock the dependencies again after a change in pyproject.toml"

# The demo needs less than half of what the tests need, and is what a newcomer waits for.
demo: .venv/.demo.installed
	@PORT=$(PORT) $(RUN)/python manage.py demo

# A browser that is there, else Debian's when we may install it, else the browser tests are skipped loudly.
test: $(READY)
	@CHROMIUM="$$($(RUN)/python -m tests.support.chromium --install)"; export CHROMIUM; \
	WORKERS=$(WORKERS) $(RUN)/python -m tests.support.suite $(TESTS)

soak: $(READY)
	$(RUN)/python -m tests.soak

mutants: $(READY)
	$(RUN)/python -m tests.mutants

check: $(READY)
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy .
	$(RUN)/lint-imports
	find templates -name '*.html' -exec $(RUN)/djade --check {} +
	$(RUN)/djlint --quiet --lint templates
	$(RUN)/deptry .
	$(RUN)/python manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(RUN)/python manage.py check --deploy --fail-level WARNING

bench: $(READY)
	$(RUN)/python -m benchmarks

fmt: $(READY)
	$(RUN)/ruff check --fix-only --quiet .
	$(RUN)/ruff format --quiet .
	find templates -name '*.html' -exec $(RUN)/djade {} +

LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(RUN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links pyproject.toml

lock: $(READY)
	$(LOCK) --output-file requirements/base.txt
	$(LOCK) --group sandbox --constraint requirements/base.txt --output-file requirements/demo.txt
	$(LOCK) --group dev --constraint requirements/base.txt --output-file requirements/dev.txt

# Unpacked without compiling every module: those in use are compiled when they are first imported.
.venv/.%.installed: requirements/%.txt | .venv/bin/pip
	@echo "Installing the locked packages of $<"
	@$(RUN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with PYTHON=python3.11 make ..." >&2; exit 1; }
	@rm -rf .venv && $(PYTHON) -m venv .venv \
		|| { rm -rf .venv; echo "python3 -m venv does not work; on Debian install python3-venv." >&2; exit 1; }
