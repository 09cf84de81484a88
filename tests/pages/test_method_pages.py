"""The pages of the methods are what the code says, and so are the lists of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from nni_darts.pages.catalogue import REQUIRED, known_as, method_entries, part_entries
from nni_darts.pages.markdown import markdown, plain
from nni_darts.pages.method_pages import COMMAND, NOTE, main, pages
from nni_darts.recipe import build_recipe, methods
from tests.cli.conftest import call, call_json

FOLDER = Path(__file__).parents[2] / "docs" / "methods"

DOCSTRING = """A rule :func:`~pack.age.of` ``this``::

    x = 1

====== =======
option default
====== =======
a, b   1 | 2
       or 3
c
====== =======

Parameters
----------
first, second
    What they are,
    both of them.

third
    Another.
"""


def test_the_committed_pages_are_those_of_the_code():
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    differing = [name for name in {*found, *pages()} if found.get(name) != pages().get(name)]
    assert not differing, f"run {COMMAND}"


def test_a_page_that_has_no_method_any_more_is_removed_and_others_are_not(tmp_path: Path):
    (tmp_path / "gone.md").write_text(f"{NOTE}\n\n# gone\n")
    (tmp_path / "notes.md").write_text("# notes\n")
    main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.md", *pages()}


def test_docstrings_become_markdown():
    assert markdown(DOCSTRING).splitlines() == [
        "A rule `of` `this`:",
        "",
        "    x = 1",
        "",
        "| option | default |",
        "|---|---|",
        r"| a, b | 1 \| 2 or 3 |",
        "| c |  |",
        "",
        "**Parameters**",
        "",
        "- `first`, `second`: What they are, both of them.",
        "- `third`: Another.",
    ]
    assert plain(":class:`a.B` of ``c``") == "B of c"


@pytest.mark.parametrize("page", pages())
def test_no_page_has_marks_of_another_language(page: str):
    text = pages()[page]
    assert "``" not in text.replace("```", "")
    assert "====" not in text
    assert ":func:" not in text


def test_parts_are_named_as_in_files_where_they_have_a_name():
    entries = {entry.name: entry for entry in method_entries()}
    assert entries["darts"].parts == {"architect": ["unrolled"]}
    assert entries["pc-darts"].parts == {
        "relaxation": ["edge-normalised"],
        "edges": ["partial-channels"],
        "schedules": ["rest"],
    }
    assert "nasbench201" not in entries["pc-darts"].spaces  # no nodes that choose among edges
    assert known_as("architect", build_recipe("snas").architect) == "single-level"
    assert known_as("weight_steps", 5) == "5"


def test_the_lists_fit_a_terminal_and_are_json():
    for kind in ("methods", "parts"):
        lines = call("list", kind).output.splitlines()
        assert max(map(len, lines)) <= 100
    listed = call_json("list", "methods")["methods"]
    assert [row["name"] for row in listed] == list(methods())
    assert set(listed[0]) == {"name", "summary", "paper", "parts", "spaces", "options"}
    parts = call_json("list", "parts")["parts"]
    assert [(row["slot"], row["name"]) for row in parts] == [(p.slot, p.name) for p in part_entries()]
    options = {(row["slot"], row["name"]): row["options"] for row in parts}
    assert options["edges", "partial-channels"] == {"k": 4, "edge_weights": True}
    assert options["schedules", "warm-up"] == {"epochs": REQUIRED}
    assert options["relaxation", "gumbel-softmax"]["hard"] is False
    assert options["derivation", "strongest"] == {}
