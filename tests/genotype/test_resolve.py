"""What a user may type for a genotype."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nni_darts.errors import ConfigError
from nni_darts.genotype import PUBLISHED, Architecture, resolve, sample_of

V2 = PUBLISHED["DARTS_V2"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_names(name: str) -> None:
    architecture = resolve(name)
    assert architecture.genotype == PUBLISHED[name]
    assert architecture.provenance == {"published": name}


def test_texts_of_every_form() -> None:
    classic = {
        "normal": V2.normal,
        "normal_concat": V2.normal_concat,
        "reduce": V2.reduce,
        "reduce_concat": V2.reduce_concat,
    }
    forms = [
        str(V2),
        f"  best = {V2}\n",
        Architecture.from_genotype(V2).to_json(),
        json.dumps(sample_of(V2)),
        json.dumps(classic),
    ]
    assert [resolve(form).genotype for form in forms] == [V2] * 5


def test_files_and_run_folders(tmp_path: Path) -> None:
    Architecture.from_genotype(V2).write(tmp_path / "genotype.json")
    (tmp_path / "genotype.txt").write_text(f"{V2}\n")
    (tmp_path / "sample.json").write_text(json.dumps(sample_of(V2)))
    for path in (tmp_path, *tmp_path.iterdir()):
        assert resolve(path).genotype == V2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("darts_v2", "did you mean DARTS_V2"),
        ("zzz", "the names are DARTS_V1, DARTS_V2,"),
        ("absent.json", "absent.json cannot be read"),
        ("Genotype(normal=1)", "lacks the field 'reduce'"),
        ("{", "not valid JSON"),
        ('{"schema": 2}', "schema: Input should be 1"),
        ("", "the names are"),
    ],
)
def test_anything_else_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(text)
    assert sentence in str(caught.value)


def test_problems_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "broken.txt"
    path.write_text("Genotype()")
    with pytest.raises(ConfigError) as caught:
        resolve(path)
    assert all("broken.txt: " in problem for problem in caught.value.problems)
