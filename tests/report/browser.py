"""What a real browser makes of a page."""

import html
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CHROMIUM = shutil.which("chromium")
_MEASURE = """
const frame = document.querySelector("iframe"), page = frame.contentDocument;
const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1;
const outside = [...page.querySelectorAll("svg text")].filter(text => !inside(
  text.getBoundingClientRect(), text.closest("article").getBoundingClientRect()));
frame.style.height = page.documentElement.scrollHeight + "px";
document.body.dataset.found = JSON.stringify({
  width: page.documentElement.scrollWidth,
  height: page.documentElement.scrollHeight,
  outside: outside.map(text => text.textContent),
});
"""


@dataclass(frozen=True)
class Seen:
    width: int  # pixels that the content needs
    height: int
    outside: list[str]  # texts of charts that leave their card
    errors: list[str]  # what the console shows


def look(page: str, width: int, folder: Path, screenshot: Path | None = None) -> Seen:
    """Open the page in a viewport of that width; the browser's own window has a least width."""
    wrapper = folder / f"{width}.html"
    wrapper.write_text(
        f"<!doctype html><meta charset=utf-8><body style='margin:0'><iframe style='border:0;"
        f'width:{width}px;height:800px\' srcdoc="{html.escape(page, quote=True)}"></iframe>'
        f"<script>onload = () => {{{_MEASURE}}}</script>"
    )
    dom = _chromium("--dump-dom", wrapper)
    matched = re.search(r'data-found="([^"]*)"', dom.stdout)
    assert matched, dom.stderr
    errors = [line for line in dom.stderr.splitlines() if "CONSOLE" in line]
    seen = Seen(**json.loads(html.unescape(matched[1])), errors=errors)
    if screenshot is not None:
        screenshot.parent.mkdir(parents=True, exist_ok=True)
        _chromium(f"--screenshot={screenshot}", f"--window-size={width},{seen.height}", wrapper)
    return seen


def _chromium(*arguments: object) -> "subprocess.CompletedProcess[str]":
    fixed = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    fixed += ["--no-first-run", "--disable-background-networking", "--disable-sync"]
    fixed += ["--disable-component-update", "--enable-logging=stderr"]
    with tempfile.TemporaryDirectory() as profile:
        command = [str(CHROMIUM), *fixed, f"--user-data-dir={profile}", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
