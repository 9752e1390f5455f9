from pathlib import Path

import pytest

from ymr_spark.errors import SettingsError
from ymr_spark.models import registry
from ymr_spark.pipeline import settings_file
from ymr_spark.pipeline.settings import Settings
from ymr_spark.store.locations import Location
from ymr_spark.store.remote import Remote

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
    assert (loaded.of("als")["rank"], loaded.of("als")["iterations"]) == (7, 3)
    assert (loaded.of("bias")["user_damping"], loaded.seed) == (2.5, 9)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("als.rnak=3", "unknown key als.rnak; the nearest known key is als.rank"),
        ("sede=3", "the nearest known key is seed"),
        ("als.rank=many", "als.rank: .*integer.*'many'"),
        ("als.rank=0", "als.rank: .*greater than or equal to 1"),
        ("als.rank", "expected key=value"),
        ("models=[bais]", "models.0: expected one of constant, .*bais"),
        ("models=[]", "models: .*at least 1"),
        ("seed.x=1", "seed is a value, not a section"),
        ("als.rank=[", "not a YAML value"),
        ("search.model=bias", "search.model: .*one of latent_factor, .*'bias'"),
        ("search.folds=1", "search.folds: .*greater than or equal to 2"),
        ("search.ranks=[8, 2]", r"search.ranks: .*\[lowest, highest\].*8, 2"),
        ("search.learning_rates=[0, 1]", "search.learning_rates: .*positive"),
        ("als.regularization=0", "als.regularization: .*greater than or equal to 0.000001"),
        ("als.checkpoint_interval=50", "als.checkpoint_interval: .*less than or equal to 10"),
        ("search.regularizations=[1e-9, 1]", "search.regularizations.0: .*greater than or equal"),
        ("compare_by_size.shares=[2.0]", "compare_by_size.shares.0: .*less than 1"),
        ("compare_by_size.shares=[0.5, 0.25]", "compare_by_size.shares: expected ascending"),
        ("compare_by_size.shares=[0.5, 0.5]", "compare_by_size.shares: expected ascending"),
        ("compare_by_size.shares=[]", "compare_by_size.shares: .*at least 1"),
        ("models=[bias, bias]", "models: expected each value once"),
        ("two_tower_dot.attributes=[album, album]", "attributes: expected each value once"),
        ("two_tower_mlp.layers=[64, 0]", "two_tower_mlp.layers.1: .*greater than or equal to 1"),
        ("recommend.model=similarity", "recommend.model: .*one of best, .*'similarity'"),
        ("recommend.exclude_genres=[-1]", "recommend.exclude_genres.0: .*equal to 0"),
        ("planted={users: 9_000_000, parts: 2}", "planted: .*16,777,215 users in all parts"),
        ("scale.step=0", "scale: .*step above 0"),
        ("scale.step=3", "scale: .*whole steps"),
        ("scale.step=0.01", "scale: .*at most 128 levels"),
        ("scale.highest=0", "scale: .*lowest < highest"),
        ("scale.lowest=-1", "scale.lowest: .*greater than or equal to 0"),
        ("scale={lowest: 9_990, highest: 10_000, step: 0.1}", "scale: .*single precision"),
        ("recommend.k=2147483648", "recommend.k: expected at most 2,147,483,647"),
        ("bias.song_damping=1e300", "bias.song_damping: expected at most"),
        ("seed=20261126123", "seed: expected at most"),
        ("seed=0", "seed: .*greater than or equal to 1"),
        ("als.rank=true", "als.rank: expected another value than true or false"),
        ("search.ranks=[true, 4]", "search.ranks: expected another value than true or false"),
        ("als={rank: 1, rank: 2}", "--set als=.*line 1: rank is there already, in line 1"),
        ("als.rank=1:30", "als.rank: .*integer.*'1:30'"),
        ("als.rank=2026-01-31", "als.rank: .*integer"),
        ("als.rank=!!python/name:os.system ''", "not a YAML value"),
        ("als.rank=!!int x", "not a YAML value"),
        ("als.rank=" + "9" * 5000, "not a YAML value"),
        ("als.rank=" + "[" * 5000, "not a YAML value"),
        ("spark_submit=['']", "spark_submit.0: .*at least 1"),
        *((f"bias.user_damping={x}", "user_damping: ") for x in (".inf", "-.inf", ".nan", "inf")),
        *((f"bias.user_damping={x}", "user_damping: ") for x in ("nan", "1e999", "infinity")),
    ],
)
def test_a_wrong_setting_is_explained(conf: Path, override: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings_file.load(conf, [override])


@pytest.mark.parametrize(
    ("text", "rank"),
    [("010", 10), ("0x10", 16), ("0o10", 8), ("1_000", 1000), ("1e2", 100), ("+7", 7), ("'7'", 7)],
)
def test_numbers_are_what_they_look_like(conf: Path, text: str, rank: int) -> None:
    assert settings_file.load(conf, [f"als.rank={text}"]).of("als")["rank"] == rank


def test_words_for_truth(conf: Path) -> None:
    for word, truth in (("yes", True), ("off", False), ("true", True)):
        assert settings_file.load(conf, [f"one_jvm={word}"]).one_jvm is truth


def test_a_section_by_option_keeps_the_keys_that_it_does_not_name(conf: Path) -> None:
    assert settings_file.load(conf, ["als={iterations: 3}"]).of("als")["rank"] == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("als: {rank: 7}\nseed: 2\nals: {iterations: 3}\n", "line 3: als .* already, in line 1"),
        ("als:\n  rank: 7\n  'rank': 8\n", "line 3: rank is there already, in line 2"),
        ("search:\n  ranks:\n    - 1\n    - x\n", "line 4: search.ranks.1: .*integer"),
        ("seed: 1\nals:\n  rnak: 2\n", "line 3: unknown key als.rnak"),
        ("als.rank: 2\n", "line 1: als.rank: write .*als: {rank: …}"),
        ("on: 2\n", "unknown key on"),
        ("seed: 1\n--- \nseed: 2\n", "not a YAML value"),
        ("[1]: 2\n", "not a YAML value"),
        ("seed: 1\x00\n", "not a YAML value"),
        ("als: &a {rank: 2}\nbias: {x: *a}\n", "line 2: unknown key bias.x"),
    ],
)
def test_a_wrong_file_is_explained_by_its_lines(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=rf"wrong\.yaml.*{words}"):
        settings_file.load(path)


def test_another_encoding_than_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("seed: 3\nwarehouse: café\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"x\.yaml, line 2: not UTF-8"):
        settings_file.load(path)
    path.write_bytes("seed: 3\nwarehouse: café\n".encode("utf-8-sig"))
    assert settings_file.load(path).warehouse == Path("café")


def test_spark_defaults_are_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = settings_file.load(CONF / "sample.yaml").spark_defaults
    assert found == CONF / "sample-spark.conf"


@pytest.mark.parametrize("key", ["spark_defaults"])
@pytest.mark.parametrize("text", ["hdfs://n/x", "s3a://b/x", "file:///x", "hdfs:/x"])
def test_files_of_this_machine_are_no_urls(conf: Path, key: str, text: str) -> None:
    with pytest.raises(SettingsError, match=rf"{key}: .*no URL"):
        settings_file.load(conf, [f"{key}={text}"])


@pytest.mark.parametrize("key", ["warehouse", "raw.folder"])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("file:///x/y", Path("/x/y")),
        ("s3://b/x/", Remote("s3a", "b", "x")),
        ("s3a://b/x//y", Remote("s3a", "b", "x/y")),
        ("hdfs://n:9000/x", Remote("hdfs", "n:9000", "x")),
        ("abfss://c@a.dfs.core.windows.net/x", Remote("abfss", "c@a.dfs.core.windows.net", "x")),
    ],
)
def test_places_that_all_machines_reach(conf: Path, key: str, text: str, found: Location) -> None:
    loaded = settings_file.load(conf, [f"{key}={text}"])
    assert {"warehouse": loaded.warehouse, "raw.folder": loaded.raw.folder}[key] == found
    assert loaded.model_dump(mode="json")["warehouse" if key == "warehouse" else "raw"]


def test_hdfs_without_a_host_is_that_of_hadoops_settings(
    conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["warehouse=hdfs:///x/y"]
    properties = "<property><name>fs.defaultFS</name><value>{}</value></property>"
    told = {None: "None", "file:///": "file:///", "hdfs://n:9000": None, "hdfs://name/": None}
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    with pytest.raises(SettingsError, match=r"warehouse: .*HADOOP_CONF_DIR \(None\)"):
        settings_file.load(conf, asked)
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    for default, refused in told.items():
        if default is not None:
            (tmp_path / "core-site.xml").write_text(
                f"<configuration>{properties.format(default)}</configuration>"
            )
        if refused:
            with pytest.raises(SettingsError, match=f"{tmp_path}.* found {refused}"):
                settings_file.load(conf, asked)
            continue
        authority = str(default).removeprefix("hdfs://").strip("/")
        assert settings_file.load(conf, asked).warehouse == Remote("hdfs", authority, "x/y")


@pytest.mark.parametrize("name", ["a b", "é", "a:b", "50%"])
def test_names_that_delta_takes_for_others(conf: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"warehouse: .*another name"):
        settings_file.load(conf, [f"warehouse='hdfs://n:9000/x/{name}'"])
    settings_file.load(conf, [f"warehouse='s3://b/{name}'", f"raw.folder='hdfs://n/{name}'"])


@pytest.mark.parametrize("key", ["warehouse", "raw.folder"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hdfs:/x", "hdfs:///x"),
        ("file://x", "file:///FOLDER"),
        ("s3:///x", "BUCKET"),
        ("ftp://h/x", "s3://"),
        ("s3://key:secret@b/x", "environment"),
        ("hdfs://n/x/a%20b", "cannot read"),
    ],
)
def test_places_that_nobody_reaches(conf: Path, key: str, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=rf"{key}: .*{words}"):
        settings_file.load(conf, [f"{key}={text}"])


@pytest.mark.parametrize("key", ["warehouse", "raw.folder", "recommend.users", "spark_defaults"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((f"'{text}'", "without blanks") for text in ("", " ", "/tmp/x ", " /tmp/x")),
        ("~nobody-has-this-name/x", "home"),
        ("$HOME/x", "variables"),
        ("3", "path"),
    ],
)
def test_what_is_no_path(conf: Path, key: str, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=rf"{key}: .*{words}"):
        settings_file.load(conf, [f"{key}={text}"])


@pytest.mark.parametrize("name", ["a\\b", "a*", "a?", "[a", "a]", "{a", "a}", "a|b", "a^b", "a#b"])
def test_folders_that_not_all_can_read(conf: Path, name: str) -> None:
    for key in ("warehouse", "raw.folder"):
        with pytest.raises(SettingsError, match=f"{key}: .*cannot read"):
            settings_file.load(conf, [f"{key}='/tmp/{name}/x'"])


@pytest.mark.parametrize("name", ['"a\\nb"', '"a\\tb"', '"a\\x7f"', "100%25", "a%2Fb"])
def test_folders_of_odd_characters(conf: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"warehouse: .*cannot read"):
        settings_file.load(conf, [f"warehouse={name}"])


def test_a_working_directory_that_not_all_can_read(
    conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "data [1]"
    odd.mkdir()
    monkeypatch.chdir(odd)
    with pytest.raises(SettingsError, match=r"warehouse: .*data \[1\].*cannot read"):
        settings_file.load(conf)


def test_the_home_and_what_folders_may_be_called(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert settings_file.load(conf, ["warehouse=~/wh"]).warehouse == Path("/home/me/wh")
    name = "/srv/my é % data, v=1 + 'new' & 2026-01-31T00:00"
    assert settings_file.load(conf, [f'raw.folder="{name}"']).raw.folder == Path(name)


@pytest.mark.parametrize("model", ["best", *registry.RANKING])
def test_the_models_that_lists_are_made_by(conf: Path, model: str) -> None:
    assert settings_file.load(conf, [f"recommend.model={model}"]).recommend.model == model


@pytest.mark.parametrize("entry", registry.MODELS, ids=lambda entry: entry.name)
def test_a_model_has_its_section_and_is_fitted(entry: registry.Entry) -> None:
    assert entry.name in Settings().models
    assert Settings().of(entry.name) == entry.section().model_dump(mode="json")


def test_a_model_that_another_starts_from_is_fitted_too(conf: Path) -> None:
    with pytest.raises(SettingsError, match="models: als starts from bias; name it too"):
        settings_file.load(conf, ["models=[als]"])
    assert settings_file.load(conf, ["models=[als, bias]"]).models == ["als", "bias"]


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
    assert (left.seed, left.of("als")) == (3, Settings().of("als"))
    with pytest.raises(AttributeError, match="latent_factor"):
        left.of("latent_factor")
