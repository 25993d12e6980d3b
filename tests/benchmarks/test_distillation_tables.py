"""The written tables are those of the kept numbers, and name what they are of."""

import json
from pathlib import Path

from distillation_tables import tables, unrounded
from larger import table

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"


def test_the_written_tables_are_those_of_the_kept_numbers() -> None:
    kept = json.loads((RESULTS / "distillation.json").read_text(encoding="utf-8"))
    lines = tables(kept)
    assert "\n".join(lines) == (RESULTS / "distillation.md").read_text(encoding="utf-8")
    assert not any("goal" in line for line in lines)
    kept = json.loads((RESULTS / "larger.json").read_text(encoding="utf-8"))
    lines = table(unrounded(kept["figures"]), {})
    assert "\n".join(lines) in (RESULTS / "larger.md").read_text(encoding="utf-8")
