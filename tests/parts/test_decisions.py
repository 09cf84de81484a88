"""Which choices are decided together, and when."""

from __future__ import annotations

import pytest

from nni_darts.parts.decisions import Timetable, groups_of
from nni_darts.supernet.space import read_structure
from nni_darts.supernet.structure import Choice, Node, Structure
from search_spaces import DartsSpace, NasBench201Space


def test_the_darts_space_has_17_rounds_in_81_epochs():
    """Card darts-pt, "How a test proves it", item 1: 14 operations, 3 nodes; the last round at epoch 80."""
    structure, _ = read_structure(DartsSpace(4, layers=3))
    timetable = Timetable(structure, 5)
    assert (timetable.operations, timetable.inputs, timetable.epochs) == (14, 3, 81)
    assert timetable.rounds == [5 * number for number in range(17)]
    normal, reduce = groups_of(structure)
    assert normal.labels[0].startswith("normal/")
    assert reduce.labels[0].startswith("reduce/")
    assert [len(normal.labels), len(reduce.labels)] == [14, 14]
    assert [[len(node.edges) for node in group.nodes] for group in (normal, reduce)] == [[3, 4, 5]] * 2


@pytest.mark.parametrize(
    ("interval", "epochs", "rounds"),
    [(5, 25, [0, 5, 10, 15, 20, 24]), (2, 10, [0, 2, 4, 6, 8, 9]), (1, 6, [0, 1, 2, 3, 4, 5])],
)
def test_without_nodes_the_last_round_is_in_the_last_epoch(interval, epochs, rounds):
    """Card darts-pt, defaults of NAS-Bench-201; with an interval of 1 no round may be lost."""
    structure, _ = read_structure(NasBench201Space(4, cells=1))
    timetable = Timetable(structure, interval)
    assert (timetable.epochs, timetable.rounds) == (epochs, rounds)


def test_one_choice_is_decided_in_one_epoch():
    timetable = Timetable(Structure({"a": Choice(("x", "y"))}), 5)
    assert (timetable.epochs, timetable.rounds) == (1, [0])


def test_reduction_cells_come_last_and_other_choices_are_one_group():
    structure = Structure({f"{kind}/e{k}": Choice(("x", "y")) for kind in ("reduce", "normal") for k in "ab"})
    structure.choices.update({"stem": Choice((3, 5)), "head/kind": Choice((1, 2))})
    for kind in ("reduce", "normal"):
        structure.nodes.append(Node((f"{kind}/ea", f"{kind}/eb"), 2, lambda pairs: {}))
    found = groups_of(structure)
    assert [group.labels for group in found] == [
        ["normal/ea", "normal/eb"],
        ["reduce/ea", "reduce/eb"],
        ["stem", "head/kind"],
    ]
    assert all(not group.nodes for group in found)  # every node keeps both of its edges
