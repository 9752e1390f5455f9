import json
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import told
from on_disk import Warehouse

from ymr_spark import schemas
from ymr_spark.errors import WarehouseLocked
from ymr_spark.models import registry
from ymr_spark.pipeline import manifests, provenance, runs, stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.stages import Stage
from ymr_spark.store import atomically

STAGE = replace(stages.of_model("bias"), reads=("raw/",), writes=("shards/",), settings=("bias",))
CODE, TOLD = "c1", told.trained("bias")
HOLD = """
import sys, time
from pathlib import Path
from ymr_spark.pipeline import runs
from ymr_spark.pipeline.warehouse import Warehouse
with runs.lock(Warehouse(Path(sys.argv[1])), "other"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def files(warehouse: Warehouse) -> Warehouse:
    for folder in ("raw/", "shards/"):
        warehouse.path(folder).mkdir(parents=True)
        (warehouse.path(folder) / "train_0.txt").write_text("1")
    return warehouse


def record(warehouse: Warehouse, settings: Settings, run_id: str = "r1") -> None:
    fingerprint = runs.fingerprint(STAGE, warehouse, settings, CODE)
    manifests.write(STAGE, warehouse, run_id, fingerprint, TOLD, told.COST)


def test_current_after_a_run(files: Warehouse) -> None:
    assert not runs.is_current(STAGE, files, Settings(), CODE)
    record(files, Settings())
    assert runs.is_current(STAGE, files, Settings(), CODE)


@pytest.mark.parametrize("content", ["22", "2"], ids=["longer", "as long"])
@pytest.mark.parametrize("changed", ["raw/", "shards/"])
def test_not_current_when_a_file_changed(files: Warehouse, changed: str, content: str) -> None:
    record(files, Settings())
    (files.path(changed) / "train_0.txt").write_text(content)
    assert not runs.is_current(STAGE, files, Settings(), CODE)


def test_not_current_when_the_output_is_gone(files: Warehouse) -> None:
    record(files, Settings())
    (files.path("shards/") / "train_0.txt").unlink()
    assert not runs.is_current(STAGE, files, Settings(), CODE)


def test_current_though_others_write_their_rows_into_its_tables(files: Warehouse) -> None:
    stage = replace(STAGE, writes=("songs",))
    song = dict.fromkeys(schemas.SONGS.fieldNames(), 1)
    for _ in range(2):
        files.save([song], "songs")
    made = runs.fingerprint(stage, files, Settings(), CODE)
    manifests.write(stage, files, "r1", made, TOLD, told.COST)
    files.save([song], "songs")
    assert runs.is_current(stage, files, Settings(), CODE)
    shutil.rmtree(files.path("songs"))
    files.save([song], "songs")
    assert not runs.is_current(stage, files, Settings(), CODE)


def test_an_optional_input_counts_once_it_is_there(files: Warehouse) -> None:
    stage = replace(STAGE, optional=("reports/leaderboard.json",))
    made = runs.fingerprint(stage, files, Settings(), CODE)
    manifests.write(stage, files, "r1", made, TOLD, told.COST)
    assert runs.is_current(stage, files, Settings(), CODE)
    atomically.write(files.path("reports/leaderboard.json"), "{}")
    assert not runs.is_current(stage, files, Settings(), CODE)


def test_not_current_when_a_data_file_of_its_table_is_gone(warehouse: Warehouse) -> None:
    stage = Stage("summarize", reads=(), writes=("summary_lean",))
    row = dict.fromkeys(schemas.SUMMARY_LEAN.fieldNames())
    warehouse.save([row], "summary_lean")
    made = runs.fingerprint(stage, warehouse, Settings(), CODE)
    manifests.write(stage, warehouse, "r1", made, told.of(stage), told.COST)
    assert runs.is_current(stage, warehouse, Settings(), CODE)
    warehouse.files("summary_lean")[0].unlink()
    assert not runs.is_current(stage, warehouse, Settings(), CODE)


def test_a_stage_is_governed_by_the_settings_of_what_made_its_inputs(files: Warehouse) -> None:
    made = Stage("export_shards", reads=("ratings",), writes=("shards/",))
    fingerprint = runs.fingerprint(made, files, Settings(seed=4), CODE)
    manifests.write(made, files, "r1", fingerprint, told.of(made), told.COST)
    trained = stages.of_model("deep_cross")
    assert runs.governing(trained, files) == {"export_shards": {"seed": 4}}
    (files.path("shards/") / "train_0.txt").write_text("other rows")
    assert runs.governing(trained, files) == {}


def test_only_its_own_settings_matter(files: Warehouse) -> None:
    record(files, Settings())
    other = {"als": {"rank": 99}}
    own = {"bias": {"user_damping": 99}}
    assert runs.is_current(STAGE, files, Settings.model_validate(other), CODE)
    assert not runs.is_current(STAGE, files, Settings.model_validate(own), CODE)
    assert not runs.is_current(STAGE, files, Settings(seed=2), CODE)


def filled(warehouse: Warehouse) -> None:
    """Manifests of all stages, as after a run of the pipeline, and the tables of bias."""
    user = dict.fromkeys(schemas.USER_FACTORS.fieldNames()) | {"user_id": 1}
    warehouse.save([user], "bias_users")
    for stage in stages.pipeline(Settings()):
        made = runs.fingerprint(stage, warehouse, Settings(), CODE)
        manifests.write(stage, warehouse, "r1", made, told.of(stage), told.COST)


def stale(warehouse: Warehouse, settings: Settings) -> set[str]:
    found = stages.pipeline(settings)
    return {s.name for s in found if not runs.is_current(s, warehouse, settings, CODE)}


@pytest.mark.parametrize(
    ("section", "stages_"),
    [
        ({"user_lean": {"damping": 9}}, {"train_user_lean"}),
        ({"similarity": {"neighbors": 9}}, {"train_similarity"}),
        ({"als": {"rank": 9}}, {"train_als"}),
        ({"latent_factor": {"rank": 9}}, {"train_latent_factor"}),
        ({"two_tower_mlp": {"layers": [9]}}, {"train_two_tower_mlp"}),
        ({"models": ["bias", "als"]}, {"evaluate"}),
        ({"bias": {"song_damping": 9}}, {"train_bias"}),
        ({"recommend": {"k": 9}}, {"recommend"}),
    ],
)
def test_a_changed_setting_of_a_model_makes_its_own_stage_stale(
    warehouse: Warehouse, section: dict[str, Any], stages_: set[str]
) -> None:
    filled(warehouse)
    assert stale(warehouse, Settings()) == set()
    assert stale(warehouse, Settings.model_validate(section)) == stages_


def test_what_starts_from_a_model_is_stale_once_that_is_fitted_anew(warehouse: Warehouse) -> None:
    filled(warehouse)
    warehouse.save(warehouse.load("bias_users"), "bias_users")
    start_from_it = {f"train_{e.name}" for e in registry.MODELS if e.fallback == "bias"}
    assert len(start_from_it) == 6
    assert stale(warehouse, Settings()) == start_from_it | {"evaluate", "recommend"}


def test_not_current_when_the_code_changed(files: Warehouse) -> None:
    record(files, Settings())
    assert not runs.is_current(STAGE, files, Settings(), "c2")


def test_not_current_when_a_package_changed(
    files: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(files, Settings())
    newer = provenance.packages() | {"numpy": "9.9"}
    monkeypatch.setattr(provenance, "packages", lambda: newer)
    assert not runs.is_current(STAGE, files, Settings(), CODE)


def test_the_latest_manifest_is_the_last_written_whatever_the_clock(files: Warehouse) -> None:
    record(files, Settings(seed=5), "ahead")
    ahead = files.root / "runs" / "ahead" / "train_bias.json"
    later = json.loads(ahead.read_text()) | {"finished": "2999-01-01T00:00:00+00:00"}
    ahead.write_text(json.dumps(later))
    record(files, Settings(), "r2")
    assert runs.is_current(STAGE, files, Settings(), CODE)
    record(files, Settings(seed=5), "ahead")
    assert runs.is_current(STAGE, files, Settings(seed=5), CODE)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"stage": "train_bias", "run_id": "r9"}'],
    ids=["empty", "a list", "cut off", "of another version"],
)
def test_what_is_no_manifest_of_this_version_is_passed_over(
    files: Warehouse, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    strange = files.root / "runs" / "r9" / "train_bias.json"
    atomically.write(strange, content)
    assert manifests.latest(STAGE.name, files) is None
    assert not runs.is_current(STAGE, files, Settings(), CODE)
    record(files, Settings())
    assert runs.is_current(STAGE, files, Settings(), CODE)
    assert f"{strange}: not a manifest of this version" in caplog.text


def test_a_manifest_is_read_as_it_was_written(files: Warehouse) -> None:
    for stage in stages.STAGES:
        figures, made = told.of(stage), runs.fingerprint(stage, files, Settings(), CODE)
        manifests.write(stage, files, "r1", made, figures, told.COST)
        found = manifests.latest(stage.name, files)
        assert found is not None
        assert (found.figures, found.fingerprint) == (figures, made)
        assert (found.job_seconds, found.peak_memory_mib) == (30, 2048)


def test_the_latest_manifest_of_any_run(files: Warehouse) -> None:
    record(files, Settings(), "r2")
    record(files, Settings(seed=5), "r1")
    latest = manifests.latest(STAGE.name, files)
    assert latest is not None
    assert (latest.run_id, latest.fingerprint.settings["seed"]) == ("r1", 5)


def test_a_second_run_is_told_who_holds_the_lock(warehouse: Warehouse) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(warehouse.root)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        with (
            pytest.raises(WarehouseLocked, match=rf"other.*{holder.pid}"),
            runs.lock(warehouse, "mine"),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()
    with runs.lock(warehouse, "mine"):
        assert json.loads((warehouse.root / "run.lock").read_text())["run_id"] == "mine"


def test_the_holder_lets_its_own_stages_in(warehouse: Warehouse) -> None:
    with runs.lock(warehouse, "mine"):
        with pytest.raises(WarehouseLocked), runs.lock(warehouse, "mine"):
            pass
        with runs.lock(warehouse, "mine", held=True):
            pass
    with (
        pytest.raises(WarehouseLocked, match="not held by the run mine any more"),
        runs.lock(warehouse, "mine", held=True),
    ):
        pass
