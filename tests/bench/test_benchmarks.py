"""Benchmarks stay runnable: .ci/run gives each a quick round, and the cheapest runs here."""

import json
from pathlib import Path

import pytest

from tests.bench import slots
from tests.bench.__main__ import BENCHMARKS
from tests.bench.options import Options

WITHOUT_FIGURES = {"__init__", "__main__", "bare", "options", "test_benchmarks", "two_sizes"}


def test_every_benchmark_gets_its_quick_round() -> None:
    modules = {path.stem for path in Path(__file__).parent.glob("*.py")}

    assert {one.__name__.rpartition(".")[2] for one in BENCHMARKS} == modules - WITHOUT_FIGURES


def test_all_ways_to_find_slots_agree(capsys: pytest.CaptureFixture[str]) -> None:
    slots.run(Options(as_json=True, quick=True))  # raises if they don't agree

    assert json.loads(capsys.readouterr().out).keys() == {"rrule_200", "ical_200", "browse_ical"}
