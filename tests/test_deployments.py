"""Images, manifests and schedulers' examples: linted and parsed, and in step with the project."""

import ast
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from ymr_spark import __version__, environment, settings_file, stages

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
    assert "--require-hashes --requirement requirements.lock" in text
    assert "ymr_spark.delta_jars" in text
    assert [line for line in text.splitlines() if line.startswith("USER")] == ["USER 185"]
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY")]
    assert all((ROOT / name).exists() for names in copied for name in names)


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
    spec = manifest["spec"]
    assert spec["sparkVersion"] == version("pyspark")
    assert spec["image"] == f"ymr_spark:{__version__}"
    script = Path(spec["mainApplicationFile"].removeprefix("local:///opt/ymr_spark/"))
    assert (ROOT / script).exists()
    assert stages.named(script.stem).name in manifest["metadata"]["name"]
    words = spec["arguments"]
    overrides = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    settings_file.load(ROOT / Path(words[1]).relative_to("/opt/ymr_spark"), overrides)
    for role in ("driver", "executor"):
        assert spec[role]["cores"] >= 1
        assert gibibytes(spec[role]["memory"]) > 0
        assert gibibytes(spec[role]["memoryOverhead"]) > 0


def test_rights_and_volume_are_those_that_the_stages_name() -> None:
    text = (ROOT / "docker" / "kubernetes" / "namespace.yaml").read_text()
    made = {(m["kind"], m["metadata"]["name"]) for m in yaml.safe_load_all(text)}
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


def test_the_dag_has_a_task_a_stage() -> None:
    """Without Airflow only what the source says; with it, as its scheduler reads the file."""
    path = ROOT / "conf" / "examples" / "airflow_dag.py"
    called = {
        node.func.id: node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    dag = {keyword.arg: keyword.value for keyword in called["DAG"].keywords}
    assert ast.unparse(dag["max_active_runs"]) == "1"
    assert "'retries': 2" in ast.unparse(dag["default_args"])
    assert "jobs/{stage.name}.py" in ast.unparse(called["BashOperator"])
    assert ast.unparse(called["chain"]) == "chain(*tasks)"


def test_the_dag_as_airflow_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    models = pytest.importorskip("airflow.models")
    monkeypatch.setenv("YMR_SPARK_HOME", str(ROOT))
    bag = models.DagBag(ROOT / "conf" / "examples", include_examples=False)
    assert not bag.import_errors
    expected = [s.name for s in stages.pipeline(settings_file.load(ROOT / "conf" / "full.yaml"))]
    assert [t.task_id for t in bag.dags["ymr_spark"].topological_sort()] == expected
