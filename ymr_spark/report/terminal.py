"""What the terminal shows of the comparison."""

from rich.console import Console
from rich.table import Table

from ymr_spark.records.leaderboard import Leaderboard


def show(board: Leaderboard) -> None:
    """Print the leaderboard."""
    title = f"{board.test_rows:,} test rows, all models fitted on {board.train_rows:,} rows"
    table = Table(title=title)
    for column in ("", "model", "MSE", "95 % interval", "RMSE", "MAE", "fallback", "fit"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for m in board.models:
        table.add_row(
            str(m.group),
            m.name,
            f"{m.mse:.4f}",
            "–" if m.mse_low is None else f"{m.mse_low:.4f} – {m.mse_high:.4f}",
            f"{m.rmse:.4f}",
            f"{m.mae:.4f}",
            f"{m.fallback_share:.1%}",
            f"{m.fit_seconds:.0f} s",
        )
    if board.floor_mse is not None:
        table.add_row("", "planted floor", f"{board.floor_mse:.4f}", style="dim")
    console = Console(width=None if Console().is_terminal else 100)
    console.print(table)
    for m in board.models:
        if m.at_edge:
            console.print(f"{m.name}: {', '.join(m.at_edge)} at the end of its range, see tune")
