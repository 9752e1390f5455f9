from pathlib import Path

import pytest

from ymr_spark import settings_file
from ymr_spark.errors import SettingsError
from ymr_spark.settings import Settings

CONF = Path(__file__).parent.parent / "conf"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "x.yaml"
    path.write_text("seed: 3\nals: {rank: 7}\n")
    return path


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda p: p.name)
def test_every_settings_file_is_valid(path: Path) -> None:
    loaded = settings_file.load(path)
    assert loaded.spark_defaults is None or (CONF.parent / loaded.spark_defaults).exists()


def test_overrides_win_and_keep_their_neighbours(conf: Path) -> None:
    loaded = settings_file.load(conf, ["als.iterations=3", "bias.user_damping=2.5", "seed=9"])
    assert (loaded.als.rank, loaded.als.iterations) == (7, 3)
    assert (loaded.bias.user_damping, loaded.seed) == (2.5, 9)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("als.rnak=3", "unknown key als.rnak; the nearest known key is als.rank"),
        ("sede=3", "the nearest known key is seed"),
        ("als.rank=many", "als.rank: .*integer.*'many'"),
        ("als.rank=0", "als.rank: .*greater than or equal to 1"),
        ("als.rank", "expected key=value"),
        ("seed.x=1", "seed is a value, not a section"),
        ("als.rank=[", "not a YAML value"),
        ("search.model=bias", "search.model: .*'als'.*'bias'"),
        ("search.folds=1", "search.folds: .*greater than or equal to 2"),
        ("search.ranks=[8, 2]", r"search.ranks: .*\[lowest, highest\].*8, 2"),
        ("search.learning_rates=[0, 1]", "search.learning_rates: .*positive"),
    ],
)
def test_a_wrong_setting_is_explained(conf: Path, override: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings_file.load(conf, [override])


@pytest.mark.parametrize("text", ["[1, 2]", "", "a: b: c"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"bad\.yaml"):
        settings_file.load(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--conf"):
        settings_file.load(tmp_path / "none.yaml")


def test_a_jvm_cannot_be_shared_by_stages_that_are_submitted(conf: Path) -> None:
    with pytest.raises(SettingsError, match=r"one_jvm.*set only one"):
        settings_file.load(conf, ["one_jvm=true", "spark_submit=[spark-submit]"])


def test_a_stage_sees_no_other_sections_than_its_own() -> None:
    left = Settings(seed=3).only(["als"])
    assert (left.seed, left.als.rank) == (3, Settings().als.rank)
    with pytest.raises(AttributeError, match="latent_factor"):
        _ = left.latent_factor
