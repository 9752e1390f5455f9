# make demo   raw ratings -> leaderboard and report      make test   all tests
# Both set everything up first: the environment, Java, the Delta JARs.

PYTHON ?= python3.11
UV_VERSION := 0.13.9
AIRFLOW_VERSION := 3.3.2
BIN := .venv/bin
export TF_USE_LEGACY_KERAS := 1

# planted (default), movielens-100k, or a file, folder or archive of ratings; see docs/data.md
DATA ?= planted
WAREHOUSE ?= build/full
CORES ?= 2

ifeq ($(DATA),planted)
  DEMO := --conf conf/sample.yaml
else ifeq ($(DATA),movielens-100k)
  DEMO := --conf conf/movielens-100k.yaml
else
  # The digest of its path tells a folder from others of its name.
  DEMO = --conf conf/sample.yaml --set raw.source=auto --set "raw.path=$$DATA" --set tune.trials=6 --set \
      "warehouse=build/$$(basename "$$DATA")-$$(realpath -m "$$DATA" | sha256sum | cut -c 1-8)"
endif
# For the shell, which keeps blanks and quotes in them as they are.
export DATA WAREHOUSE

.PHONY: help demo full test test-cluster test-s3 test-yarn test-image check doctor setup lock cluster-up cluster-demo cluster-down wheel package image clean
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: setup ## ratings to leaderboard; DATA=planted | movielens-100k | PATH
	@$(BIN)/python jobs/pipeline.py $(DEMO)

full: setup ## the pipeline on planted data of R2's full size; WAREHOUSE=DIR
	@$(BIN)/python jobs/pipeline.py --conf conf/full.yaml \
	    --set "warehouse=$$WAREHOUSE" --set "raw.folder=$$WAREHOUSE/raw"

# .ci/run asks for it, with a floor below what the tests run in their own processes.
COVERAGE ?=
test: setup .venv/airflow/ready .venv/jars/ready ## the tests but those on a cluster
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not cluster and not s3 and not yarn and not image" $(COVERAGE)

test-cluster: setup .venv/jars/ready ## the tests on a standalone cluster, of faults, and of minutes
	@$(BIN)/pytest -m cluster

test-s3: setup .venv/jars/ready ## the pipeline with its warehouse in a store that speaks S3
	@$(BIN)/pytest -m s3

test-yarn: setup .venv/jars/ready ## the pipeline on HDFS, and its stages on YARN
	@$(BIN)/pytest -m yarn

test-image: setup image ## the image in the cluster of docker/compose.yaml; needs a Docker engine
	@$(BIN)/pytest -m image

check: setup ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

doctor: ## what is missing or of the wrong version, in plain words; WAREHOUSE=DIR what is in it
	@if [ -d "$$WAREHOUSE" ]; then set -- "$$WAREHOUSE"; fi; \
	if [ -x $(BIN)/python ]; then $(BIN)/python -m ymr_spark.runtime.environment "$$@"; \
	else $(PYTHON) -m ymr_spark.runtime.environment; fi

setup: .venv/ready
	@$(BIN)/python -m ymr_spark.runtime.environment --java || sh docker/install-java.sh

.venv/ready: requirements.lock pyproject.toml setup.py conf/delta-jars.sha256
	$(PYTHON) -m venv .venv || { apt-get install -y python3.11-venv && $(PYTHON) -m venv .venv; }
	$(BIN)/python -c "import uv" 2>/dev/null || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/python -m uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m ymr_spark.runtime.environment --java || sh docker/install-java.sh
	$(BIN)/python -m ymr_spark.runtime.jars
	@touch $@

# A scheduler has neither Spark nor TensorFlow: Airflow reads the DAG in an environment of its own.
.venv/airflow/ready: conf/examples/airflow.lock | setup
	$(BIN)/python -m venv --without-pip .venv/airflow
	$(BIN)/python -m uv pip sync --quiet --python .venv/airflow/bin/python --require-hashes $<
	@touch $@

# Tests start servers of HDFS and YARN, and Spark reads and writes s3a:// in them.
.venv/jars/ready: conf/s3-jars.sha256 tests/servers/minicluster.sha256 | setup
	PYTHONPATH=tests $(BIN)/python -m servers.jars
	@touch $@

LOCK := $(BIN)/python -m uv pip compile --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
    --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file
# The second is what runs, without what checks and tests it, of the same versions.
lock: setup ## resolve pyproject.toml and Airflow into the lock files again
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(LOCK) requirements.lock pyproject.toml --extra dev
	$(LOCK) docker/requirements.lock pyproject.toml --extra s3 --extra hdfs --constraint requirements.lock
	echo apache-airflow==$(AIRFLOW_VERSION) | $(LOCK) conf/examples/airflow.lock -

cluster-up: setup ## a standalone cluster on loopback: master, two workers, history server
	@$(BIN)/python -m ymr_spark.runtime.cluster up

cluster-demo: setup ## the demo, every stage by spark-submit, on the cluster of cluster-up
	@PATH=$(abspath $(BIN)):$$PATH $(BIN)/python jobs/pipeline.py --conf conf/cluster.yaml

cluster-down: setup ## end the processes of cluster-up, and no others
	@$(BIN)/python -m ymr_spark.runtime.cluster down

wheel: setup ## the library: dist/*.whl, and for --py-files dist/ymr_spark.zip
	@rm -rf build/lib # or modules that are gone would be in the wheel
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@# Spark passes over a wheel, but takes the same file as .zip.
	@cp dist/ymr_spark-*.whl dist/ymr_spark.zip

package: wheel ## wheel and packages for --archives: dist/environment.tar.gz
	$(BIN)/python -m venv --clear build/package
	$(BIN)/python -m uv pip sync --quiet --python build/package/bin/python --require-hashes docker/requirements.lock
	$(BIN)/python -m uv pip install --quiet --python build/package/bin/python --no-deps dist/ymr_spark-*.whl
	$(BIN)/venv-pack --quiet --force --prefix build/package --output dist/environment.tar.gz

IMAGE := ymr_spark:0.1.0
# Options of a machine's own, such as --network host.
DOCKER_BUILD ?=
image: ## library, packages, Java and JARs: the image of docker/Dockerfile
	docker build --file docker/Dockerfile --tag $(IMAGE) $(DOCKER_BUILD) .

clean: ## remove what the demo made
	rm -rf build dist
