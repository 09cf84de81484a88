"""RESULTS.md: a section stands for one measurement on one machine."""

from __future__ import annotations

from benchmarks.harness.machine import provenance
from benchmarks.harness.results import write_section


def test_a_section_is_replaced_where_it_stands_and_others_stay(tmp_path):
    path = tmp_path / "RESULTS.md"
    write_section("Step on A: x", "| 1 |", path)
    write_section("Step on B: x", "| 2 |", path)
    write_section("Step on A: x", "| 3 |\n", path)
    head, *sections = path.read_text().split("\n## ")
    assert head.startswith("# Results")
    assert sections == ["Step on A: x\n\n| 3 |\n", "Step on B: x\n\n| 2 |\n"]


def test_what_somebody_wrote_by_hand_stays(tmp_path):
    path = tmp_path / "RESULTS.md"
    path.write_text("# Mine\n\nWords.\n\n## Search\n\n- a\n\n### Part\n\nb\n")
    write_section("Step", "c", path)
    assert path.read_text() == "# Mine\n\nWords.\n\n## Search\n\n- a\n\n### Part\n\nb\n\n## Step\n\nc\n"


def test_the_command_is_kept_without_the_users_paths(monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "--peer-darts", "/home/me/darts", "--rows", "a; b"])
    assert provenance().endswith(" --peer-darts PATH --rows 'a; b'`.")
