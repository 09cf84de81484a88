from __future__ import annotations

import json
from typing import Any

import pytest

from nni_darts.pipeline.result import Result, identity, read_result

CELLS = {"normal": {"edges": [["skip_connect", 0]]}, "reduce": {"edges": []}}


def test_a_search_result() -> None:
    value = {
        "default": 91,
        "task": "search/0",
        "architecture": json.dumps({"space": "darts", "cells": CELLS}),
    }
    assert read_result(value, "search") == Result(91.0, {"space": "darts", "cells": CELLS})


@pytest.mark.parametrize("score", [None, float("nan"), float("inf"), "91", True])
def test_a_score_that_is_no_finite_number_is_no_result(score: Any) -> None:
    assert "no finite number" in str(read_result({"default": score}, "retrain"))


@pytest.mark.parametrize("architecture", [None, "", "not json", "[1]", "{}"])
def test_a_search_without_an_architecture_is_no_result(architecture: Any) -> None:
    value = {"default": 91.0, "architecture": architecture}
    assert "no architecture" in str(read_result(value, "search"))
    assert read_result(value, "retrain") == Result(91.0, None)


def test_the_trials_own_sentence_is_the_reason() -> None:
    assert read_result({"task": "search/0", "error": "No data."}, "search") == "No data."


def test_identity_looks_at_the_cells_not_at_unused_choices_or_provenance() -> None:
    one = {"space": "darts", "cells": CELLS, "nni": {"edge": "none"}, "provenance": {"seed": 0}}
    assert identity(one) == identity({**one, "nni": {"edge": "max_pool_3x3"}, "provenance": {"seed": 1}})
    assert identity(one) != identity({**one, "cells": {**CELLS, "reduce": {"edges": [["none", 1]]}}})
    assert identity(one) != identity({**one, "macro": {"nodes": 3}})


def test_identity_of_a_space_without_cells_is_its_sample() -> None:
    assert identity({"cells": None, "nni": {"a": 1}}) == identity({"nni": {"a": 1}, "provenance": {"x": 1}})
    assert identity({"nni": {"a": 1}}) != identity({"nni": {"a": 2}})
