# make demo            play a bag of camera frames through the real node, record and draw what it says (BAG=path: yours)
# make test            everything but training           (PYTEST_ARGS="-k depth" narrows it)
# make test-training   generator and training, with the CPU build of torch (TORCH_INDEX=address of its index)
# make lint            ruff, mypy, import-linter
# make bench           every engine, stage and peer, timed on this machine; writes benchmarks/results
# make tensorrt-matrix every graph built with TensorRT-RTX for three GPUs that need not be here
# make clean           forget .venv, out/ and every cache
#
# All of it lives in .venv, which is filled step by step: a step runs again only when its requirements changed.

PYTHON ?= python3
BAG ?=
TORCH_INDEX ?=
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/done
TRAINING_TESTS := tests/generator tests/training
# Python compiles what it imports; compiling everything beforehand takes a third of the time.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint requirements/node.txt
MESSAGES := $(wildcard msg/*.msg srv/*.srv action/*.action) CMakeLists.txt package.xml setup.py pyproject.toml cmake/wheel_fix.cmake

# A sourced ROS 2 workspace must not mix with the wheels, nor another environment's wheels with ours.
unexport PYTHONPATH LD_LIBRARY_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH PYTHONHOME _ROS_WHEELS_BOOTSTRAP_COMPLETE
export AMENT_PREFIX_PATH := $(CURDIR)/$(VENV)
export RMW_IMPLEMENTATION := rmw_fastrtps_cpp
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
# Shared memory for images, under the names that older and newer Fast DDS read.
export FASTRTPS_DEFAULT_PROFILES_FILE := $(CURDIR)/config/fastdds_shm.xml
export FASTDDS_DEFAULT_PROFILES_FILE := $(CURDIR)/config/fastdds_shm.xml

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: demo test test-training lint training bench tensorrt-matrix clean

demo: $(DONE)/package $(DONE)/demo
	$(BIN)/vb-perception demo $(if $(BAG),--bag "$(BAG)")

test: $(DONE)/package $(DONE)/demo $(DONE)/test $(DONE)/tensorrt
	$(BIN)/python -m pytest $(TRAINING_TESTS:%=--ignore=%) $(PYTEST_ARGS)

test-training: training
	$(BIN)/python -m pytest $(TRAINING_TESTS) $(PYTEST_ARGS)

training: $(DONE)/package $(DONE)/demo $(DONE)/test $(DONE)/training

lint: $(DONE)/package $(DONE)/demo $(DONE)/test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: training $(DONE)/bench
	$(BIN)/python benchmarks/engines.py
	$(BIN)/python benchmarks/stages.py
	$(BIN)/python benchmarks/peers.py

tensorrt-matrix: $(DONE)/package $(DONE)/tensorrt
	$(BIN)/python benchmarks/tensorrt_matrix.py

clean:
	rm -rf $(VENV) build out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# An environment holds its own address: in a moved or copied checkout it is made anew.
ifneq ($(shell cat $(DONE)/address 2>/dev/null),$(CURDIR))
.PHONY: $(DONE)/address
endif

$(DONE)/address:
	@sh requirements/check_machine.sh $(PYTHON)
	$(PYTHON) -m venv --clear $(VENV)
	touch $(VENV)/COLCON_IGNORE
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip==26.3
	mkdir -p $(DONE)
	echo "$(CURDIR)" > $@

$(DONE)/node $(DONE)/ros $(DONE)/demo $(DONE)/test $(DONE)/tensorrt $(DONE)/bench: $(DONE)/%: requirements/%.txt $(DONE)/address
	$(PIP_INSTALL) -r $<
	touch $@

$(DONE)/training: requirements/training.txt requirements/refuse_cuda.py $(DONE)/test
	$(BIN)/python requirements/refuse_cuda.py $(TORCH_INDEX:%=--extra-index-url %) --constraint requirements/node.txt -r $<
	$(PIP_INSTALL) $(TORCH_INDEX:%=--extra-index-url %) -r $<
	touch $@

# The Python sources stay in the checkout; only the generated messages go into the environment.
$(DONE)/package: $(MESSAGES) $(DONE)/node $(DONE)/ros
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	ln -sfn ../../../config ../../../launch $(VENV)/share/vb_perception/
	$(BIN)/python -c "import vb_perception.msg"
	touch $@
