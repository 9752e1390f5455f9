"""Print what a training takes that begins with what was found before a part came, and anew.

    python -m bench.warm build/warm --set planted.users=20000 --set planted.songs=136736
        --set planted.train_ratings=7600000

Two parts are planted; models are fitted to part 0, then to both: going on from that fit, and in
another warehouse from nothing. A line a model: seconds of the fit and the least validation error,
and the seconds after which the one that went on was as good as the other came to be.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.added import put, ran

ROOT = Path(__file__).parent.parent
MODELS = ("latent_factor",)


def fitted(raw: Path, warehouse: Path, run: str, overrides: Sequence[str]) -> dict[str, Any]:
    """The manifests of the models, fitted to what is in the folder."""
    settings = [f"warehouse={warehouse}", f"raw.folder={raw}", *overrides, "raw.source=folder"]
    settings += [f"models=[bias, {', '.join(MODELS)}]", "tune.trials=0"]
    command = [sys.executable, "jobs/pipeline.py", "--conf", "conf/full.yaml", "--run-id", run]
    command += ["--until", f"train_{MODELS[-1]}"]
    command += [word for setting in settings for word in ("--set", setting)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    files = (warehouse / "runs" / run / f"train_{model}.json" for model in MODELS)
    return {model: json.loads(file.read_bytes()) for model, file in zip(MODELS, files, strict=True)}


def best(curve: list[dict[str, Any]]) -> float:
    """The least validation error."""
    return float(min(point["validation_mse"] for point in curve))


def seconds_to(error: float, curve: list[dict[str, Any]]) -> float:
    """Until validation was as good; infinite where it never was."""
    passed = 0.0
    for point in curve:
        passed += float(point["seconds"])
        if point["validation_mse"] <= error:
            return passed
    return float("inf")


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = arguments.parse_args()
    folder = options.folder.absolute()
    planted, raw = folder / "planted", folder / "raw"
    ran("generate_r2", planted, folder / "planting", [*options.set, "planted.parts=2"])
    put(planted, raw, 0)
    going_on = [*options.set, "warm_start=true"]
    fitted(raw, folder / "warm", "before", going_on)
    put(planted, raw, 1)
    warm = fitted(raw, folder / "warm", "after", going_on)
    cold = fitted(raw, folder / "cold", "after", options.set)
    for model in MODELS:
        curves = [told[model]["learning_curve"] for told in (cold, warm)]
        anew, on = (sum(point["seconds"] for point in curve) for curve in curves)
        errors = [best(curve) for curve in curves]
        as_good = seconds_to(errors[0], curves[1])
        print(
            f"{model}: anew {anew:.1f} s, {errors[0]:.4f}; going on {on:.1f} s, {errors[1]:.4f}, "
            f"as good after {as_good:.1f} s, {as_good / anew:.2f} of the time"
        )


if __name__ == "__main__":
    main()
