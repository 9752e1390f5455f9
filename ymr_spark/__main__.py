"""`ymr STAGE …` does what `python jobs/STAGE.py …` does, wherever the library is installed.

Only the standard library is used: a list of commands, or a wrong one, waits for no Spark.
"""

import ast
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ymr_spark import shipped
from ymr_spark.errors import SettingsError

# Modules that set a machine up, by the names that they have as commands.
_MACHINE = {
    "setup": "runtime.jars",
    "doctor": "runtime.environment",
    "cluster": "runtime.cluster",
}


def commands() -> dict[str, Path]:
    """{name: source} of what `ymr` can run: the jobs there are, then what sets a machine up."""
    jobs = {path.stem: path for path in sorted(shipped.JOBS.glob("*.py"))}
    package = Path(__file__).parent
    return jobs | {
        name: package / f"{module.replace('.', '/')}.py" for name, module in _MACHINE.items()
    }


def usage() -> str:
    """Each command with the first line of its docstring."""
    lines = [f"  {name:18} {_purpose(source)}" for name, source in commands().items()]
    return "\n".join(["usage: ymr COMMAND …; ymr COMMAND --help", "", *lines])


def _purpose(source: Path) -> str:
    return (ast.get_docstring(ast.parse(source.read_bytes())) or "").partition("\n")[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Become the process of the command; return only where there is none to run."""
    name, *arguments = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help"):
        print(usage())
        return 0
    if name not in commands():
        print(f"ymr: no command {name}", usage(), sep="\n", file=sys.stderr)
        return SettingsError.exit_code
    os.execv(sys.executable, [sys.executable, *_words(name), *arguments])


def _words(name: str) -> list[str]:
    if name in _MACHINE:
        return ["-P", "-m", f"ymr_spark.{_MACHINE[name]}"]  # not from the working directory
    return [str(commands()[name])]


if __name__ == "__main__":
    sys.exit(main())
