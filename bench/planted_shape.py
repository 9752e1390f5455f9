"""Print R2's published figures beside those of planted files: `planted_shape.py RAW_FOLDER`."""

import sys
from pathlib import Path

import duckdb

# figure: (R2's train_0 and test_0, allowed distance)
COUNT_TOLERANCE = 0.01 * 76_344_627
TARGETS = {
    "train rows": (76_344_627, 0),
    "train users": (200_000, 0),
    "songs": (136_736, 0),
    "test rows": (2_000_000, 0),
    "fewest train rows of a warm song": (20, float("inf")),
    **{
        f"rating {rating} count": (millions * 1e6, COUNT_TOLERANCE)
        for rating, millions in enumerate((20.2, 8.3, 11.4, 12.4, 24.0), start=1)
    },
    "rating mean": (3.15349, 0.01),
    "rating sd": (1.599536, 0.016),
    "genre_id mean": (16.77832, 0.01),
    "genre_id sd": (43.07285, 0.43),
    "genre_id third quartile": (0, 0),
    "genre_id max": (215, 0),
    "parent mean": (16.70814, 0.01),
    "parent sd": (42.89884, 0.43),
    "parent max": (211, 0),
    "level mean": (1.013341, 0.01),
    "level sd": (0.1266558, 0.0013),
    "level max": (3, 0),
    "Unknown share": (0.87, 0.01),
    "correlation rating-genre_id": (0.020506, 0.01),
    "correlation rating-level": (0.004521, 0.01),
    "test mean": (3.46, 0.02),
    "test rows of a user, fewest": (10, 0),
    "test rows of a user, most": (10, 0),
}


def measure(folder: Path) -> dict[str, float]:
    """The figures of train_0.txt, test_0.txt and their attributes, by the names of TARGETS."""
    db = duckdb.connect()
    for split in ("train", "test"):
        _read(db, split, folder / f"{split}_0.txt", "user_id", "song_id", "rating")
    _read(db, "song", folder / "song-attributes.txt", "song_id", "album_id", "artist_id", "genre")
    db.sql(
        f"create table genre as select column0 id, column1 parent, column2 level, column3 name "
        f"from read_csv('{folder / 'genre-hierarchy.txt'}', delim='\t', header=false)"
    )
    db.sql(
        "create view attributed as select t.rating, t.song_id, g.* "
        "from train t join song s using (song_id) join genre g on g.id = s.genre"
    )
    columns = {
        "train rows": "count(*)",
        **{f"rating {k} count": f"count(*) filter (rating = {k})" for k in range(1, 6)},
        "rating mean": "avg(rating)",
        "rating sd": "stddev_samp(rating)",
        **{
            f"{name} {figure}": f"{function}({column})"
            for name, column in (("genre_id", "id"), ("parent", "parent"), ("level", "level"))
            for figure, function in (("mean", "avg"), ("sd", "stddev_samp"), ("max", "max"))
        },
        "genre_id third quartile": "quantile_disc(id, 0.75)",
        "Unknown share": "avg((id = 0)::int)",
        "correlation rating-genre_id": "corr(rating, id)",
        "correlation rating-level": "corr(rating, level)",
    }
    [found] = db.sql(f"select {', '.join(columns.values())} from attributed").fetchall()
    measured = dict(zip(columns, found, strict=True))

    def one(query: str) -> float:
        value: float
        [(value,)] = db.sql(query).fetchall()
        return value

    measured["train users"] = one("select count(distinct user_id) from train")
    measured["songs"] = one("select count(*) from song")
    measured["test rows"] = one("select count(*) from test")
    measured["test mean"] = one("select avg(rating) from test")
    measured["fewest train rows of a warm song"] = one(
        "select min(n) from (select count(*) n from train group by song_id)"
    )
    for figure in ("fewest", "most"):
        function = {"fewest": "min", "most": "max"}[figure]
        measured[f"test rows of a user, {figure}"] = one(
            f"select {function}(n) from (select count(*) n from test group by user_id)"
        )
    names = db.sql("select name from attributed group by name order by count(*) desc limit 6")
    print("largest genres:", ", ".join(name for (name,) in names.fetchall()))
    return measured


def _read(db: duckdb.DuckDBPyConnection, table: str, path: Path, *columns: str) -> None:
    types = "{" + ", ".join(f"'{c}': 'INTEGER'" for c in columns) + "}"
    db.sql(
        f"create table {table} as select * from "
        f"read_csv('{path}', delim='\t', header=false, columns={types})"
    )


def main() -> int:
    measured = measure(Path(sys.argv[1]))
    wrong = 0
    for figure, (target, tolerance) in TARGETS.items():
        gap = measured[figure] - target
        fits = gap >= 0 if tolerance == float("inf") else abs(gap) <= tolerance
        wrong += not fits
        print(f"{'ok ' if fits else 'OFF'} {figure:34} {target:>14,.6g} {measured[figure]:>14,.7g}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
