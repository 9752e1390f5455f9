"""Rows of the tables that compare models, of a size to check by hand."""

from typing import Any

RIVALS = ("two_tower_dot", "bias")


def place(model: str, name: str, bin_: int, label: str, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"model": model, "slice": name, "bin": bin_, "label": label, "rows": 100}
    row |= {"mean_prediction": 3.0, "mean_rating": 3.0, "floor_mse": 1.0, "mse": 2.0}
    row |= values
    return row | {"mse_low": row["mse"] - 0.1, "mse_high": row["mse"] + 0.1}


def slices() -> list[dict[str, Any]]:
    rows = []
    for model, errors in (("two_tower_dot", (2.25, 1.5)), ("bias", (2.5, 2.0))):
        for name in ("activity", "popularity", "genre"):
            for bin_, mse in enumerate(errors):
                rows.append(place(model, name, bin_, ("0", "1–9")[bin_], mse=mse))
        for bin_, label in enumerate("12345"):
            mean = 3 + (bin_ - 2) * (0.5 if model == "bias" else 0.75)
            rows.append(place(model, "rating", bin_, label, mean_prediction=mean, floor_mse=None))
        for bin_, off in enumerate((0.1, -0.3)):
            rated = 3 + off * (2 if model == "bias" else 1)
            rows.append(place(model, "prediction", bin_, f"{bin_}", mean_rating=rated))
    return rows


def orders() -> list[dict[str, Any]]:
    shares = {"bias": 0.6, "two_tower_dot": 0.75}
    return [
        {"model": model, "k": 10}
        | {f"{name}{end}": share for name in ("ndcg", "pairwise") for end in ("", "_low", "_high")}
        for model, share in shares.items()
    ]


def tables() -> dict[str, list[dict[str, Any]]]:
    sample = [{"user_id": 3, "song_id": 7, "rating": 5, "two_tower_dot": 4.5, "bias": 3.75}]
    by_size = [
        {"model": model, "train_rows": rows, "mse": mse}
        for model, rows, mse in (
            ("bias", 1000, 2.1),
            ("two_tower_dot", 1000, 2.4),
            ("bias", 4800, 2.0),
            ("two_tower_dot", 4800, 1.4),
        )
    ]
    search = [
        {
            "model": "als",
            "trial": trial,
            "epoch": epoch,
            "validation_mse": 2 - 0.1 * epoch + trial,
            "parameters": f'{{"rank": {4 + trial}}}',
        }
        for trial in (0, 1)
        for epoch in (1, 2)
    ]
    return {
        **{"slices": slices(), "orders": orders(), "sample": sample},
        **{"by_size": by_size, "search": search, "user_ids": [], "song_ids": []},
    }
