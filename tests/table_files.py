"""The same ratings as files of each form that a table may have."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

COLUMNS = {"user": "listener", "item": "track", "rating": "stars", "time": "at"}


def half_stars(users: int = 30, items: int = 40, seed: int = 1) -> pd.DataFrame:
    """About half of all pairs, in no order, with ids that are texts."""
    random = np.random.default_rng(seed)
    pairs = np.argwhere(random.random((users, items)) < 0.5)
    random.shuffle(pairs)
    return pd.DataFrame(
        {
            "track": [f"t, {item:02d} é" for item in pairs[:, 1]],
            "stars": random.integers(1, 11, len(pairs)) / 2,
            "listener": [f"u{user}" for user in pairs[:, 0]],
            "note": "x",
            "at": 1_000_000_000 + random.permutation(len(pairs)),
        }
    )


def as_csv(rows: pd.DataFrame, path: Path, _: SparkSession) -> Path:
    rows.to_csv(path / "ratings.csv", index=False)
    return path / "ratings.csv"


def as_parts(rows: pd.DataFrame, path: Path, _: SparkSession) -> Path:
    folder = path / "parts"
    folder.mkdir()
    rows[:100].to_csv(folder / "a.csv.gz", index=False, sep=";", lineterminator="\r\n")
    rows[100:].to_csv(folder / "b.csv.gz", index=False, sep=";", lineterminator="\r\n")
    (folder / "_SUCCESS").write_text("")
    return folder


def as_json(rows: pd.DataFrame, path: Path, _: SparkSession) -> Path:
    rows.to_json(path / "ratings.jsonl", orient="records", lines=True)
    return path / "ratings.jsonl"


def as_parquet(rows: pd.DataFrame, path: Path, _: SparkSession) -> Path:
    at = pd.to_datetime(rows["at"], unit="s", utc=True)
    rows.assign(at=at.astype("datetime64[us, UTC]")).to_parquet(path / "ratings.parquet")
    return path / "ratings.parquet"


def as_delta(rows: pd.DataFrame, path: Path, spark: SparkSession) -> Path:
    frame = spark.createDataFrame(rows).repartition(3)
    frame.write.format("delta").save(str(path / "delta"))
    # What was deleted is in the data files still.
    frame.limit(0).write.format("delta").mode("append").save(str(path / "delta"))
    return path / "delta"


def as_zip(rows: pd.DataFrame, path: Path, _: SparkSession) -> Path:
    with zipfile.ZipFile(path / "ratings.zip", "w") as archive:
        archive.writestr("of 2024/ratings.csv", rows.to_csv(index=False))
    return path / "ratings.zip"


FORMS: dict[str, Callable[[pd.DataFrame, Path, SparkSession], Path]] = {
    "parts": as_parts,
    "json": as_json,
    "parquet": as_parquet,
    "delta": as_delta,
    "zip": as_zip,
}
