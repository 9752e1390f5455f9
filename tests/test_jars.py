"""JARs are put in place by name and sha256; what is resolved here is made up."""

import hashlib
from pathlib import Path

import pytest

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.runtime import jars
from ymr_spark.runtime.jars import JarSet

RESOLVED = {"utils-1.jar": b"utils", "json-utils-1.jar": b"others"}


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JarSet:
    """A set whose resolver brings both of its JARs."""

    def resolve(_: JarSet, folder: Path) -> None:
        (folder / "jars").mkdir()
        for name, content in RESOLVED.items():
            (folder / "jars" / f"of.some.group_{name}").write_bytes(content)

    monkeypatch.setattr(jars, "_resolve", resolve)
    lines = [f"{hashlib.sha256(c).hexdigest()}  {name}" for name, c in RESOLVED.items()]
    (tmp_path / "two.sha256").write_text("\n".join(lines))
    return JarSet(tmp_path / "two.sha256", tmp_path / "jars" / "two", ("of.some.group:all:1",))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_lacks_is_put_in_place_and_what_is_of_an_older_list_goes(two: JarSet) -> None:
    assert jars.install(two) == list(RESOLVED)
    assert contents(two.folder) == RESOLVED
    (two.folder / "utils-1.jar").write_bytes(b"broken")
    (two.folder / "utils-0.jar").write_bytes(b"old")
    assert jars.install(two) == ["utils-1.jar"]
    assert contents(two.folder) == RESOLVED


def test_what_is_in_place_is_not_resolved(two: JarSet, monkeypatch: pytest.MonkeyPatch) -> None:
    jars.install(two)
    monkeypatch.delattr(jars, "_resolve")
    assert jars.install(two) == []


def test_a_jar_of_another_sha256_is_refused(two: JarSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RESOLVED, "utils-1.jar", b"tampered")
    with pytest.raises(
        EnvironmentProblem, match=r"utils-1\.jar: not resolved, or its sha256 .* put"
    ):
        jars.install(two)
    assert not (two.folder / "utils-1.jar").exists()


def test_a_folder_where_nothing_can_be_written(two: JarSet) -> None:
    two.folder.parent.parent.joinpath("jars").write_text("a file")
    with pytest.raises(EnvironmentProblem, match=r"cannot be written .* environment of your own"):
        jars.install(two)


@pytest.mark.parametrize("known", [jars.DELTA, jars.S3], ids=["delta", "s3"])
def test_the_lists_hold_what_is_in_place(known: JarSet, s3_class_path: str) -> None:
    assert jars.install(known) == []
    assert not any("bundle" in name for name in known.expected())


def test_the_command_line_says_what_spark_is_to_be_told(
    s3_class_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jars.main(["s3"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split() for line in said[1:]] == [
        ["spark.driver.extraClassPath", s3_class_path],
        ["spark.executor.extraClassPath", s3_class_path],
    ]
