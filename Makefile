# make demo   the main job on moving images     make test   everything that is checked
# make bench  what a frame costs here, in short
# All make the environment .venv first and keep it up to date.

# What a sourced ROS 2 puts before the environment's own packages; both commands do without it.
unexport PYTHONPATH

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

demo: $(VENV)/up-to-date
	$(BIN)/cape demo $(if $(VIDEO),--video "$(VIDEO)") $(if $(CAMERA),--camera "$(CAMERA)") $(ARGS)

test: $(VENV)/up-to-date
	$(BIN)/python -m pytest $(ARGS)

bench: $(VENV)/up-to-date
	$(BIN)/cape bench --short $(ARGS)

test-ros2: export PYTHONPATH := $(PYTHONPATH)
test-ros2: $(VENV)/up-to-date
	.ci/ros2

lint: $(VENV)/up-to-date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

$(VENV)/up-to-date: setup.py pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 10) <= v <= (3, 13))' || \
	  { echo "cape_ros needs Python 3.10 to 3.13; choose one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing; on Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Installing into $(VENV): some minutes the first time, PyTorch is several GB ..."
	@$(BIN)/pip install -qq --upgrade pip
	@$(BIN)/pip install -qq --editable '.[wire,studio,demo,examples,train,openvino,export,dev]'
	@touch $@

clean:
	rm -rf $(VENV) demo_out build *.egg-info

.PHONY: demo test bench test-ros2 lint clean
