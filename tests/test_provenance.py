import zipfile
from pathlib import Path

import pytest

from ymr_spark.models import registry
from ymr_spark.pipeline import provenance, stages

ROOT = Path(__file__).parent.parent
JOB = "from ymr_spark.pipeline import cli\nfrom ymr_spark.models import bias\n"
LIBRARY = {
    "__init__.py": "",
    "pipeline/__init__.py": "",
    "pipeline/cli.py": "from ymr_spark import session",
    "session.py": "",
    "models/__init__.py": "",
    "models/bias.py": "def fit():\n    import ymr_spark.models.blocks as blocks\n",
    "models/blocks.py": "",
    "models/als.py": "from ymr_spark.models import blocks",
    "models/priors.json": "{}",
    "report/__init__.py": "",
    "report/page.html": "",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "job.py").write_text(JOB)
    for name, text in LIBRARY.items():
        path = tmp_path / "ymr_spark" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def digest(tree: Path, *modules: str) -> str:
    return provenance.digest(tree / "job.py", tree / "ymr_spark", *modules)


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("job.py", True),
        ("ymr_spark/__init__.py", True),
        ("ymr_spark/models/__init__.py", True),
        ("ymr_spark/models/bias.py", True),
        ("ymr_spark/models/blocks.py", True),
        ("ymr_spark/models/priors.json", True),
        ("ymr_spark/session.py", True),
        ("ymr_spark/pipeline/cli.py", False),
        ("ymr_spark/models/als.py", False),
        ("ymr_spark/report/page.html", False),
    ],
)
def test_what_a_job_imports_counts_and_nothing_else(tree: Path, file: str, counts: bool) -> None:
    before = digest(tree)
    with (tree / file).open("a") as text:
        text.write("\n")
    assert (digest(tree) != before) == counts


def test_what_a_job_imports_by_its_name_counts(tree: Path) -> None:
    modules = ("ymr_spark.models.als", "ymr_spark.session")
    before = digest(tree, *modules)
    (tree / "ymr_spark/models/als.py").write_text("changed = True")
    assert digest(tree, *modules) != before


@pytest.mark.parametrize(
    ("stage", "models"),
    [
        ("train_als", ["als"]),
        ("compare_by_size", registry.BY_SIZE),
        ("search", ["bias", *registry.SEARCHED]),
        ("evaluate", []),
    ],
)
def test_a_stage_names_the_modules_of_what_it_fits(stage: str, models: list[str]) -> None:
    expected = {registry.named(model).module for model in models}
    assert {*stages.named(stage).modules} == expected


def test_a_library_in_a_zip_file_has_the_same_digest(tree: Path) -> None:
    with zipfile.ZipFile(tree / "library.zip", "w") as file:
        for name in LIBRARY:
            file.write(tree / "ymr_spark" / name, f"ymr_spark/{name}")
    zipped = zipfile.Path(tree / "library.zip", "ymr_spark/")
    assert provenance.digest(tree / "job.py", zipped) == digest(tree)


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("pyspark", "no-such-package"))
    found = provenance.packages()
    assert found["no-such-package"] is None
    assert found["pyspark"] is not None


def test_each_job_of_this_project_has_a_digest_of_its_own() -> None:
    jobs = sorted(ROOT.glob("jobs/*.py"))
    assert len({provenance.code(str(job)) for job in jobs}) == len(jobs)
