# Everything the house does. `make help` lists it; setup, demo and test need only make, and apt or Python 3.11+.
.DEFAULT_GOAL := help
.ONESHELL:
.SHELLFLAGS := -eu -c
MAKEFLAGS += --no-print-directory

STAMP := .venv/ready
WORKERS ?= 2
SEEDS ?= 10000
SECONDS ?= 3600
SEED ?= 1
ENGINE ?= podman
# Two cores are shared by several processes: one thread each loses nothing and keeps times steady.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## virtual environment in .venv with everything pinned; nothing to do when it is fresh

$(STAMP): pyproject.toml constraints.txt tools/set_up.sh
	@tools/set_up.sh
	touch $@

demo: setup  ## a small fleet on this machine: learn, roll out, kill, report (IMAGES=DIR for your own photos)
	@fieldwise demo $(if $(IMAGES),--images "$(IMAGES)")

test: setup services check  ## everything that must hold: check, then all tests
	pytest -n $(WORKERS)

test-simulation: setup  ## the whole system under 10,000 seeds (SEEDS=N); a failing one is told with its replay
	python -m tests.simulation.many --seeds $(SEEDS) --workers $(WORKERS)

test-faults: setup services  ## real processes killed, cut off, without room and without power; half an hour
	pytest -n $(WORKERS) -m faults tests/faults

test-services: setup services  ## the cluster's side: the chart, real databases, stores and monitoring, linters
	pytest -n $(WORKERS) tests/helm tests/services tests/contracts tests/orchestrator/storage \
		tests/journeys/test_replicas.py tests/journeys/test_backup.py tests/architecture/test_scripts.py

test-kubernetes: setup services  ## the chart and the program on a real API server, built once: ten minutes of compiling
	@tools/install_kubernetes.sh
	pytest -m kubernetes tests/kubernetes

test-containers: setup services  ## images built, and the chart and compose.yaml run from them; needs root and Debian
	@tools/install_containers.sh
	tools/install_kubernetes.sh
	tools/test_containers.sh

images: setup  ## the images of orchestrator, agent and aggregator (ENGINE=docker, REGISTRY=..., BASE=..., TAG=...)
	@python -m tools.images --engine $(ENGINE) $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(BASE),--base $(BASE)) \
		$(if $(TAG),--tag $(TAG)) -- $(BUILD_FLAGS)

packages: setup  ## deb and rpm of the agent in output/packages (ARCHITECTURE=arm64 for the other)
	@tools/build_packages.sh $(ARCHITECTURE)

test-packages: packages  ## the deb installed, upgraded and purged under a systemd of its own, the rpm read; needs root
	@tools/install_package_tools.sh
	pytest -m packages tests/packages

services: setup  ## the programs that tests start: Debian's Prometheus and strace, helm and kubectl
	@tools/install_services.sh
	tools/install_chart_tools.sh

check: setup  ## style, types, layers, wire, limits and documentation
	ruff check
	ruff format --check
	mypy
	lint-imports
	tools/check_wire.sh
	pytest -q tests/architecture

format: setup  ## put sources and proto files into the house's form
	@ruff check --fix-only --quiet
	ruff format
	buf format --write

proto: setup  ## generate the stubs from proto/
	@buf format --write
	python -m tools.generate_stubs

docs: setup  ## write the generated parts of docs/ and of the chart from the code
	@python -m tools.document

dashboards: setup  ## write the dashboards of the chart from tools/dashboards
	@python -m tools.dashboards

pictures: setup  ## draw every dashboard of a fleet as Grafana draws panels; 20 minutes, needs node and chromium
	@tools/install_services.sh
	python -m tools.pictures

wire: setup  ## record the allow-list of what a device may send, to be read as a diff
	@python -m tools.list_wire

explore: setup  ## the tests that draw examples, with new ones each time; what fails becomes an @example
	FIELDWISE_EXAMPLES=explore pytest -n $(WORKERS) -m hypothesis

fuzz: setup  ## every parser of what comes from outside, under atheris (SECONDS=N SEED=N)
	@mkdir -p output
	python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED) --json output/fuzz.json

bench: setup  ## the figures, on the images of FIELDWISE_DATA; hours: see docs/benchmarks.md
	@mkdir -p output
	python -m benchmarks.learning --json output/learning.json
	python -m benchmarks.clvision --json output/clvision.json --out output/clvision

pins: setup  ## write constraints.txt from what is installed, and what images install with its hashes
	@python -m tools.pin
	python -m tools.pin_images

sbom: setup  ## bills of materials of the images, CycloneDX, in output/
	@python -m tools.sbom

clean:  ## remove the virtual environment and every cache
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup demo test test-simulation test-faults test-services test-kubernetes test-containers images packages test-packages services check format proto docs dashboards pictures wire bench explore fuzz pins sbom clean
