# Two commands: `make report` (the 1-image LaneLM overfit, from a fresh clone to an HTML report) and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
SET_UP := .venv/.set-up
DOCS := .venv/.docs
SCENES := data/scenes/list/train_gt.txt
export NO_ALBUMENTATIONS_UPDATE := 1

.PHONY: help report test lint check-export check-readme nbtest check-reports check-explore bench drills readme site check-site newcomer clean

help:  ## what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# torch first and by exact version: see constraints.txt
$(SET_UP): constraints.txt settings.ini setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q $$(grep '^torch==' constraints.txt)
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	touch $@

$(SCENES): | $(SET_UP)
	$(BIN)/lanenb data culane --out data/scenes --n 60

report: $(SET_UP) $(SCENES)  ## the 1-image overfit on generated data, V4 and V5 -> reports/index.html
	$(BIN)/lanenb run lanelm --name one_image_v4 -p data data/scenes -p n_images 1 -p design v4
	$(BIN)/lanenb run lanelm --name one_image_v5 -p data data/scenes -p n_images 1 -p design v5
	$(BIN)/lanenb reports

test: lint check-export check-readme $(SCENES) nbtest check-reports check-explore  ## export check, linters, every notebook, reports and widgets in a browser

lint: $(SET_UP)  ## style and types
	$(BIN)/ruff check --config .ci/ruff.toml lanenb .ci setup.py
	$(BIN)/ruff check --config .ci/ruff.toml --select F401 nbs
	$(BIN)/python .ci/check_types.py

check-export: $(SET_UP)
	$(BIN)/python .ci/check_export.py

check-readme: $(SET_UP)
	$(BIN)/python .ci/readme.py --check

nbtest: $(SET_UP)
	OMP_NUM_THREADS=1 MPLBACKEND=agg $(BIN)/nbdev_test --n_workers 2 --timing

check-reports: $(SET_UP) $(SCENES)
	out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; \
	$(BIN)/lanenb run lanelm --name smoke --out "$$out" -p data data/scenes -p epochs 20; \
	$(BIN)/lanenb reports --out "$$out"; \
	$(BIN)/python .ci/check_report.py "$$out/smoke/report.html" "$$out/index.html"

check-explore: $(SET_UP)
	$(BIN)/python .ci/check_explore.py

drills: $(SET_UP)  ## kills, full disks, spoiled files, hostile notebooks; in full (20 kills each, 1,000 mutants), 9 minutes on two cores (--quick: one of each)
	$(BIN)/lanenb drills

bench: $(SET_UP)  ## our paths against plain references, as ratios; one that fell by a fifth since the committed ones of this machine fails
	$(BIN)/lanenb bench --out reports/bench

# Sphinx and its theme, which nothing else needs
$(DOCS): $(SET_UP)
	$(BIN)/pip install -q -c constraints.txt -e '.[docs]'
	touch $@

site: $(DOCS)  ## the notebooks as pages with search, from their stored outputs -> _site/index.html
	$(BIN)/python .ci/site.py

check-site: site  ## every link, then every page in a browser without a network
	$(BIN)/python .ci/check_site.py

newcomer: $(SET_UP)  ## follow the README in a fresh clone, and pip install into an empty environment; PYTHONS="python3.12 python3.13": into theirs, too
	$(BIN)/python .ci/newcomer.py --pythons $(PYTHONS)

readme: $(SET_UP)  ## README.md from nbs/index.ipynb
	$(BIN)/python .ci/readme.py

clean:  ## generated data and the environment (reports stay)
	rm -rf .venv data/scenes
