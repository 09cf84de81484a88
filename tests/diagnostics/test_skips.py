from __future__ import annotations

from nni_darts.diagnostics.skips import skips
from nni_darts.genotype import Genotype, sample_of
from nni_darts.supernet.space import read_structure
from search_spaces import DartsSpace, NasBench201Space
from tests.supernet.spaces import Everything

SKIP = "skip_connect"


def test_of_a_sample_written_by_hand() -> None:
    """An operation on an edge that the node does not take is no part of the architecture."""
    structure, _ = read_structure(DartsSpace(init_channels=2, layers=3, nodes=2))
    genotype = Genotype.of(
        [(SKIP, 0), ("sep_conv_3x3", 1), (SKIP, 2), (SKIP, 0)],
        [("max_pool_3x3", 0), (SKIP, 1), ("sep_conv_3x3", 1), ("sep_conv_5x5", 2)],
    )
    sample = sample_of(genotype)
    assert skips(structure, sample) == {"skips": 4, "skips/normal": 3, "skips/reduce": 1}
    sample["reduce/edge_0_3"] = SKIP  # as NNI's Random writes it
    assert skips(structure, sample)["skips/reduce"] == 1


def test_of_a_benchmark_cell() -> None:
    structure, _ = read_structure(NasBench201Space(init_channels=4, cells=1))
    labels = list(structure.choices)
    sample = {**dict.fromkeys(labels, "none"), labels[0]: SKIP, labels[4]: SKIP}
    (cell,) = {label.rpartition("/")[0] for label in labels}
    assert skips(structure, sample) == {"skips": 2, f"skips/{cell}": 2}


def test_of_a_space_of_other_choices() -> None:
    structure, _ = read_structure(Everything())
    sample = {label: c.values[:1] if c.multiple else c.values[0] for label, c in structure.choices.items()}
    for name, operation in (("cell", "conv"), ("loose", "0")):
        for node in (2, 3) if name == "cell" else (1, 2):
            count = 2 if name == "cell" else 1
            sample |= {f"{name}/op_{node}_{k}": operation for k in range(count)}
            sample |= {f"{name}/input_{node}_{k}": [0] for k in range(count)}
    assert skips(structure, sample)["skips"] == 0
