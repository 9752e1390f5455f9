"""Images, manifests and schedulers' examples: linted and parsed, and in step with the project."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose
from kubeflow_spark_api.models.spark_v1beta2_spark_application import (
    SparkV1beta2SparkApplication,
)
from pyspark.sql import SparkSession

from ymr_spark import __version__
from ymr_spark.pipeline import settings_file, stages
from ymr_spark.runtime import environment, session

ROOT = Path(__file__).parent.parent
MANIFESTS = sorted((ROOT / "docker" / "kubernetes").glob("stage-*.yaml"))
PROPERTIES = sorted(
    path for where in ("conf", "conf/examples", "docker") for path in ROOT.glob(f"{where}/*.conf")
)


def properties(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {key: value.strip() for key, value in (line.split(None, 1) for line in lines)}


def gibibytes(memory: str) -> int:
    assert memory.endswith("g")
    return int(memory[:-1])


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [hadolint, ROOT / "docker" / "Dockerfile"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_has_what_the_project_needs() -> None:
    text = (ROOT / "docker" / "Dockerfile").read_text()
    assert "FROM python:3.11-slim" in text
    assert any(f"openjdk-{java}-jre" in text for java in environment.JAVA_VERSIONS)
    assert "COPY docker/requirements.lock ./" in text
    assert "--require-hashes --requirement requirements.lock" in text
    assert "ymr_spark.runtime.jars" in text
    assert [line for line in text.splitlines() if line.startswith("USER")] == ["USER 185"]
    assert f"IMAGE := ymr_spark:{__version__}\n" in (ROOT / "Makefile").read_text()
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY")]
    assert all((ROOT / name).exists() for names in copied for name in names)


def locked(path: str) -> dict[str, str]:
    """{package: version and hashes} of a lock file."""
    entries = re.findall(r"^(\S+)==(\S+(?: \\\n +\S+)+)", (ROOT / path).read_text(), re.MULTILINE)
    return dict(entries)


def test_the_image_has_what_the_library_needs_and_no_more() -> None:
    ours, all_of_them = locked("docker/requirements.lock"), locked("requirements.lock")
    assert ours.items() <= all_of_them.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed, tools = (
        {re.split(r"[=<>]", text)[0] for text in texts}
        for texts in ([*project["dependencies"], *extras["s3"], *extras["hdfs"]], extras["dev"])
    )
    assert needed <= ours.keys()
    assert not (tools - needed) & ours.keys()


def test_the_compose_file_is_one() -> None:
    text = (ROOT / "docker" / "compose.yaml").read_text()
    parsed = yaml.safe_load(text)
    # The parser knows no merge keys, which YAML resolves.
    PyCompose.from_json(json.dumps(parsed)).validate()
    services = parsed["services"]
    assert services.keys() == {"master", "worker", "history", "submit"}
    assert services["worker"]["deploy"]["replicas"] == 2
    own = properties(ROOT / "docker" / "spark.conf")
    for service in services.values():
        assert service["image"] == f"ymr_spark:{__version__}"
        assert service["mem_limit"]
        assert service["cpus"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    memory = gibibytes(services["worker"]["mem_limit"])
    assert memory > gibibytes(own["spark.executor.memory"])


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_kubernetes_stage(path: Path) -> None:
    manifest: dict[str, Any] = yaml.safe_load(path.read_text())
    assert manifest["apiVersion"] == "sparkoperator.k8s.io/v1beta2"
    assert manifest["kind"] == "SparkApplication"
    # The operator's own model refuses wrong types and leaves out keys that it does not know.
    understood = SparkV1beta2SparkApplication.from_dict(manifest)
    assert understood is not None
    assert understood.to_dict() == manifest
    spec = manifest["spec"]
    assert spec["sparkVersion"] == version("pyspark")
    assert spec["image"] == f"ymr_spark:{__version__}"
    script = Path(spec["mainApplicationFile"].removeprefix("local:///opt/ymr_spark/"))
    assert (ROOT / script).exists()
    assert stages.named(script.stem).name in manifest["metadata"]["name"]
    words = spec["arguments"]
    overrides = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    settings_file.load(ROOT / Path(words[1]).relative_to("/opt/ymr_spark"), overrides)
    assert not spec["sparkConf"].keys() & session.ALWAYS.keys()
    for role in ("driver", "executor"):
        assert spec[role]["cores"] >= 1
        assert gibibytes(spec[role]["memory"]) > 0
        assert gibibytes(spec[role]["memoryOverhead"]) > 0


def test_rights_and_volume_are_those_that_the_stages_name() -> None:
    text = (ROOT / "docker" / "kubernetes" / "namespace.yaml").read_text()
    manifests = list(yaml.safe_load_all(text))
    for manifest in manifests:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    made = {(m["kind"], m["metadata"]["name"]) for m in manifests}
    for path in MANIFESTS:
        manifest = yaml.safe_load(path.read_text())
        claim = manifest["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
        assert ("PersistentVolumeClaim", claim) in made
        assert ("ServiceAccount", manifest["spec"]["driver"]["serviceAccount"]) in made
        assert ("Namespace", manifest["metadata"]["namespace"]) in made


@pytest.mark.parametrize("path", PROPERTIES, ids=lambda path: path.stem)
def test_spark_properties(path: Path) -> None:
    found = properties(path)
    assert all(key.startswith("spark.") for key in found)
    assert gibibytes(found["spark.driver.memory"]) > 0
    if path.parent.name == "examples":
        assert {"spark.executor.instances", "spark.executor.cores"} <= found.keys()
        assert gibibytes(found["spark.executor.memoryOverhead"]) > 0
    if found.get("spark.authenticate") == "true":
        assert "secret" in found["spark.redaction.regex"]
    assert not found.keys() & session.ALWAYS.keys()


def test_variables_of_the_dag_are_none_that_a_session_sets(spark: SparkSession) -> None:
    dag = (ROOT / "conf" / "examples" / "airflow_dag.py").read_text()
    own = re.findall(r'environ\.get\(\s*"(\w+)"', dag)
    assert len(own) == 2
    assert not {*own} & os.environ.keys()


# Prints what Airflow's scheduler finds in a folder of DAGs.
AIRFLOW = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
dag = bag.dags.get("ymr_spark")
tasks = dag.topological_sort() if dag else []
found = {
    "errors": bag.import_errors,
    "runs": dag and dag.max_active_runs,
    "tasks": [[t.task_id, t.retries, t.bash_command, sorted(t.upstream_task_ids)] for t in tasks],
}
for code in (1, 2, 3, 4):
    again = type(tasks[0])(task_id=f"exit-{code}", bash_command=f"exit {code}")
    try:
        again.execute({})
    except Exception as e:
        found[f"exit {code}"] = type(e).__name__
print("found", json.dumps(found))
"""


def test_the_dag_as_airflow_reads_it(tmp_path: Path) -> None:
    python = ROOT / ".venv" / "airflow" / "bin" / "python"
    assert python.exists(), "Airflow's own environment is missing; `make test` makes it"
    own = {"AIRFLOW_HOME": str(tmp_path), "YMR_SPARK_HOME": str(ROOT), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [python, "-c", AIRFLOW, ROOT / "conf" / "examples"],
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.split("found ", 1)[1])
    assert found["errors"] == {}
    assert found["runs"] == 1
    for code, raised in ((1, ""), (2, "Fail"), (3, "Fail"), (4, "")):
        assert found[f"exit {code}"] == f"Airflow{raised}Exception"
    conf = ROOT / "conf" / "full.yaml"
    todo = stages.pipeline(settings_file.load(conf))
    before = [[], *([stage.name] for stage in todo)]
    for (task, retries, command, upstream), stage, earlier in zip(
        found["tasks"], todo, before[:-1], strict=True
    ):
        assert (task, retries, upstream) == (stage.name, 2, earlier)
        assert f"{stage.command} --conf {conf}" in command
