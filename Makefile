# fastlb: `make demo` and `make test` need a Debian 12 (or like it) with Python 3.11 and nothing else prepared.
# Every step leaves a stamp below build/, so that a second run starts at once.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CORES  := $(shell nproc)
TESTS  ?= tests
SECONDS ?= 60

SOURCES  := $(shell find ext -name '*.pyx' -o -name '*.pxd' -o -name '*.h')
PROJECT  := pyproject.toml setup.py
DEBUG    := $(CURDIR)/build/debug
ASAN_LIB  = $(shell gcc -print-file-name=libasan.so)
# The interpreter keeps memory for itself until it ends; the core has counters of its own for what it leaks.
DEBUG_ENV = ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:disable_coredump=0 UBSAN_OPTIONS=print_stacktrace=1 \
            LD_PRELOAD=$(ASAN_LIB) PYTHONPATH=$(DEBUG)

.DEFAULT_GOAL := build
.PHONY: build demo test check bench debug wheel fuzz docs clean

build: build/.core

# Three small servers, the proxy on 8080, its statistics page on 8404. Ctrl-C ends it.
demo: build
	@exec $(BIN)/python -m fastlb demo $(DEMO)

# The tests start the program thousands of times: compiling it each time would be a third of their work.
test: build $(VENV)/.dev build/.test-packages
	@$(BIN)/python -m compileall -q src
	@exec $(BIN)/python -m pytest -q -n $(shell expr 2 \* $(CORES)) $(TESTS)

check: build $(VENV)/.dev
	$(BIN)/ruff check src tests bench docs setup.py
	$(BIN)/cython-lint ext
	$(BIN)/mypy --strict src

# Against Debian's haproxy, nginx and the floor, one after another on the same work. BENCH: arguments, see bench/README.md
bench: build $(VENV)/.dev build/.test-packages
	$(BIN)/python -m bench.macro $(BENCH)

# Everything that talks to a whole program once more, with AddressSanitizer, UBSan and the core's own counters.
debug: build/.debug $(VENV)/.dev build/.test-packages
	@# -m bounds the address space, of which AddressSanitizer alone reserves terabytes.
	FASTLB_COMMAND='env $(DEBUG_ENV) $(CURDIR)/$(BIN)/python -m fastlb' $(BIN)/python -m pytest -q -n auto tests/e2e tests/adversity \
	    --deselect 'tests/e2e/test_process.py::test_accepted_arguments[args6]'

wheel: build $(VENV)/.dev
	rm -rf dist && $(BIN)/python -m pip wheel -q --no-build-isolation --no-deps -w build/wheel .
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/python -m auditwheel repair --strip -w dist build/wheel/fastlb-*.whl && rm -rf build/wheel

# SECONDS: how long each fuzzer looks for new inputs
fuzz: build $(VENV)/.dev
	FASTLB_FUZZ_SECONDS=$(SECONDS) $(BIN)/python -m pytest -q tests/fuzz

# docs/compatibility.md from the keyword tables
docs: build
	$(BIN)/python docs/generate.py

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find ext -name '*.so' -delete
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

build/.packages: .ci/packages
	@mkdir -p build
	@PYTHON=$(PYTHON) .ci/packages build
	@touch $@

build/.test-packages: .ci/packages build/.packages
	@PYTHON=$(PYTHON) .ci/packages test
	@touch $@

# What the program needs to be built and run. The sources are used where they are, through a .pth file.
$(VENV)/.ready: pyproject.toml build/.packages
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fastlb needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "fastlb: installing Python packages into $(VENV)"
	@$(BIN)/python -c 'import tomllib; t = tomllib.load(open("pyproject.toml", "rb")); \
	    print(*t["build-system"]["requires"], *t["project"]["dependencies"], sep="\n")' > $(VENV)/requirements.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r $(VENV)/requirements.txt
	@printf '%s\n' $(CURDIR)/src $(CURDIR)/ext > $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/fastlb-sources.pth
	@touch $@

# What its tests and checks need as well.
$(VENV)/.dev: $(VENV)/.ready
	@echo "fastlb: installing the tools of development into $(VENV)"
	@$(BIN)/python -c 'import tomllib; t = tomllib.load(open("pyproject.toml", "rb")); \
	    print(*t["project"]["optional-dependencies"]["dev"], sep="\n")' > $(VENV)/requirements-dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r $(VENV)/requirements-dev.txt
	@touch $@

build/.core: $(SOURCES) $(PROJECT) $(VENV)/.ready
	@echo "fastlb: building the core"
	@$(BIN)/python -W ignore setup.py -q build_ext --inplace -j $(CORES)
	@touch $@

build/.debug: $(SOURCES) $(PROJECT) $(VENV)/.ready $(shell find src ext -name '*.py')
	@echo "fastlb: building the core with sanitizers"
	@FASTLB_DEBUG=1 $(BIN)/python -W ignore setup.py -q build --build-lib build/debug --build-temp build/debug-o -j $(CORES)
	@touch $@
