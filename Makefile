# make demo       the main job on moving images    make bench     what a frame costs here, in short
# make demo-grasp a simulated arm grasps by what the node finds
# make test       every test                       make test-fast what takes no processes or browser
# make test-ros   the node's tests on DDS          make coverage  every test, and which lines they ran
# make test-ros2  the same, built by colcon        make lint      format, lint and types
# make docs       the pages in docs/ as a site    make test-numeric  numbers on older processors
# All make a Python environment first and keep it up to date. Where a ROS 2 is sourced, they use it;
# elsewhere they install rclpy from the Python registry, of Jazzy or with WHEELS=kilted of Kilted.
# ROS=no goes without rclpy: everything but the node works.

PYTHON ?= python3
WHEELS ?= jazzy
ROS ?= yes

SOURCED := $(if $(AMENT_PREFIX_PATH),$(shell $(PYTHON) -c 'from cape_ros.interfaces.environment \
  import sourced; print(*(["yes"] if sourced() else []))'))
ifeq ($(SOURCED),yes)
  VENV := .venv-$(or $(ROS_DISTRO),sourced)
  MAKE_VENV := $(PYTHON) -m venv --system-site-packages
  ROS_EXTRA :=
else
  unexport PYTHONPATH
  VENV := .venv$(if $(filter-out jazzy,$(WHEELS)),-$(WHEELS))
  MAKE_VENV := $(PYTHON) -m venv
  ROS_EXTRA := $(if $(filter yes,$(ROS)),ros$(if $(filter-out jazzy,$(WHEELS)),-$(WHEELS)))
endif
BIN := $(VENV)/bin
# By a path: the default, a hook, is not asked by a program that starts in the folder above the checkout.
EDITABLE := --config-settings editable_mode=compat --editable
EXTRAS ?= studio,demo,bag,examples,train,render,openvino,export,dev

demo: $(VENV)/ready
	$(BIN)/cape demo $(if $(VIDEO),--video "$(VIDEO)") $(if $(CAMERA),--camera "$(CAMERA)") $(ARGS)

demo-grasp: $(VENV)/ready $(VENV)/sim
	$(BIN)/cape demo --grasp $(ARGS)

$(VENV)/sim: $(VENV)/installed
	@$(BIN)/pip install -qq $(EDITABLE) '.[sim]'
	@touch $@

# Hundreds of processes would compile the same files again.
unexport PYTHONDONTWRITEBYTECODE

# Tests wait for processes: a worker more than there are cores. Each holds a gigabyte.
WORKERS = $(shell $(PYTHON) -c "import os; print(min(4, 1 + (os.cpu_count() or 1)))")
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test: $(VENV)/ready
	$(PYTEST) $(ARGS)

test-fast: $(VENV)/ready
	$(PYTEST) -m "not slow" $(ARGS)

test-ros: $(VENV)/ready
	$(PYTEST) tests/ros tests/examples tests/studio/test_serve.py $(ARGS)

coverage: $(VENV)/ready
	$(PYTEST) --cov --cov-report=term $(ARGS)

bench: $(VENV)/ready
	$(BIN)/cape lab bench --short $(ARGS)

# The numbers must not depend on the processor: once more with the instructions of older ones.
test-numeric: $(VENV)/ready
	ATEN_CPU_CAPABILITY=default $(PYTEST) -m numeric $(ARGS)
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 \
	  $(PYTEST) -m numeric $(ARGS)

test-ros2: export PYTHONPATH := $(PYTHONPATH)
test-ros2: $(VENV)/ready
	.ci/ros2

lint: $(VENV)/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The pages in docs/ as a site, in an environment of its own: nothing of it imports the package.
docs: .venv-docs/installed
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict $(ARGS)

.venv-docs/installed: requirements/docs.txt
	@$(PYTHON) -m venv .venv-docs
	@.venv-docs/bin/pip install -qq --requirement requirements/docs.txt
	@touch $@

# The environment, with the messages of this package as msg/ and srv/ now define them.
$(VENV)/ready: $(VENV)/installed $(wildcard msg/*.msg srv/*.srv cape_ros/interfaces/*.py)
	@$(BIN)/python -m cape_ros.interfaces
	@touch $@

$(VENV)/installed: setup.py pyproject.toml Makefile $(wildcard requirements/*.txt)
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 10) <= v <= (3, 14))' || \
	  { echo "cape_ros needs Python 3.10 to 3.14; choose one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m cape_ros.interfaces --check
	@$(MAKE_VENV) $(VENV) || \
	  { echo "Python's venv module is missing; on Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Installing into $(VENV): some minutes the first time, PyTorch is several GB ..."
	@$(BIN)/pip install -qq --upgrade pip
	@$(BIN)/pip install -qq $(EDITABLE) '.[$(EXTRAS)]'
ifneq ($(ROS_EXTRA),)
	@$(BIN)/pip install -qq $(EDITABLE) '.[$(ROS_EXTRA)]' || { echo "rclpy could not be installed" \
	  "from the Python registry; without it, everything but the node: make ROS=no ..."; exit 1; }
	@for name in cc gcc clang; do command -v $$name >/dev/null && exit; done; \
	  $(BIN)/pip install -qq "ziglang==0.17.1"  # a C and C++ compiler
endif
	@touch $@

clean:
	rm -rf .venv .venv-* demo_out build *.egg-info

.PHONY: demo demo-grasp test test-fast test-ros test-numeric coverage bench test-ros2 lint docs clean
