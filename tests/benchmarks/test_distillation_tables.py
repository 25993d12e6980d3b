"""The written tables are those of the kept numbers, and name what they are of."""

import json
from pathlib import Path

from distillation_tables import osd_title, tables, unrounded
from larger import table

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"


def test_the_written_tables_are_those_of_the_kept_numbers() -> None:
    kept = json.loads((RESULTS / "distillation.json").read_text(encoding="utf-8"))
    lines = tables(kept)
    assert "\n".join(lines) == (RESULTS / "distillation.md").read_text(encoding="utf-8")
    assert "### OSD test (the first 24 at 192x256, borders within 1 px)" in lines
    assert not any("goal" in line for line in lines)
    kept = json.loads((RESULTS / "larger.json").read_text(encoding="utf-8"))
    lines = table(unrounded(kept["figures"]), {"OSD test": osd_title("centre crops", kept["size"])})
    assert "\n".join(lines) in (RESULTS / "larger.md").read_text(encoding="utf-8")
    assert sum(line.startswith("| OSD test (centre crops at 64x96, borders within 1 px), ") for line in lines) == 6
