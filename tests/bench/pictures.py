"""Measures pictures of a week against a bare canvas of the same size.

`python -m tests.bench.pictures [--json] [--quick]`
"""

import json
from collections.abc import Callable
from io import BytesIO
from statistics import median
from time import perf_counter

from PIL import Image

from cogs.images.drawing import draw_week
from tests.bench.options import Options, from_command_line, write
from tests.cogs.images.test_week import WEEKS

ROUNDS = 25
MEASURED = ("empty", "full", "autumn", "present")


def milliseconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return (perf_counter() - began) * 1000


def bare_canvas(like: Image.Image) -> None:
    """Create and write an empty picture of this size."""
    canvas = Image.new("P", like.size)
    canvas.putpalette(like.getpalette() or [])
    canvas.save(BytesIO(), "PNG", transparency=like.info["transparency"])


def measure(name: str, rounds: int = ROUNDS) -> tuple[float, float]:
    """Return the median milliseconds of the picture and of the canvas, measured alternately."""
    week = WEEKS[name]()
    drawn = draw_week(week)
    like = Image.open(BytesIO(drawn))
    like.load()
    pairs = [
        (milliseconds(lambda: draw_week(week)), milliseconds(lambda: bare_canvas(like))) for _ in range(rounds)
    ]
    assert draw_week(week) == drawn, f"{name} is drawn differently each time"
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def report(measured: dict[str, tuple[float, float]]) -> str:
    return "\n".join(
        f"{name:8} {picture:6.1f} ms, bare canvas {canvas:5.1f} ms: {picture / canvas:4.1f} times"
        for name, (picture, canvas) in measured.items()
    )


def worst(measured: dict[str, tuple[float, float]]) -> str:
    """Return the slowest picture and the largest ratio, as a line of JSON."""
    milliseconds = max(picture for picture, _ in measured.values())
    ratio = max(picture / canvas for picture, canvas in measured.values())
    return json.dumps({"picture_ms": round(milliseconds, 2), "picture_vs_canvas": round(ratio, 2)})


def run(options: Options) -> None:
    results = {name: measure(name, 1 if options.quick else ROUNDS) for name in MEASURED}
    write(worst(results) if options.as_json else report(results))


if __name__ == "__main__":
    run(from_command_line(__doc__, "the slowest picture and the largest ratio"))
