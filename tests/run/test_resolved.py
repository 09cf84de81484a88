from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from nni_darts.run.resolved import resolved_yaml

leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
settings_trees = st.dictionaries(
    st.text(min_size=1, max_size=5),
    st.recursive(
        st.one_of(leaves, st.lists(leaves, max_size=3)),
        lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


@given(settings_trees)
def test_loads_back_to_the_same_settings(settings: dict[str, object]) -> None:
    assert (yaml.safe_load(resolved_yaml(settings)) or {}) == settings


def test_every_value_names_its_origin() -> None:
    text = resolved_yaml(
        {"search": {"arch_lr": 1e-5, "epochs": 2}, "space": {"args": {"layers": 8}}, "genotype": None},
        {"search": "default", "search.epochs": "--epochs", "space.args": "darts.yml"},
    )
    assert text == (
        "search:\n"
        "  arch_lr: 1.0e-05  # default\n"
        "  epochs: 2  # --epochs\n"
        "space:\n"
        "  args:\n"
        "    layers: 8  # darts.yml\n"
        "genotype: null\n"
    )
