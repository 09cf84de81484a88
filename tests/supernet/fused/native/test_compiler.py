"""Where the kernels come from, and what happens where they cannot be had."""

from __future__ import annotations

import logging

import pytest
import torch

from nni_darts.supernet.fused.native import compiler
from nni_darts.supernet.fused.native.kernels import kernels_for


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNI_DARTS_CACHE", str(tmp_path))
    monkeypatch.delenv("NNI_DARTS_KERNELS", raising=False)
    compiler.library.cache_clear()
    yield
    compiler.library.cache_clear()


@pytest.mark.usefixtures("needs_kernels")
def test_they_are_compiled_once(tmp_path):
    assert compiler.library("float", "int32_t", 8) is not None
    (built,) = (tmp_path / "kernels").iterdir()
    written = built.stat().st_mtime_ns
    compiler.library.cache_clear()
    assert compiler.library("float", "int32_t", 8) is not None
    assert [path.stat().st_mtime_ns for path in (tmp_path / "kernels").iterdir()] == [written]


def test_they_can_be_switched_off(monkeypatch, tmp_path):
    monkeypatch.setenv("NNI_DARTS_KERNELS", "off")
    assert kernels_for(torch.float32, 8) is None
    assert not (tmp_path / "kernels").exists()


def test_no_compiler(monkeypatch, caplog):
    monkeypatch.setenv("CC", "no-such-compiler")
    with caplog.at_level(logging.INFO):
        assert compiler.library("float", "int32_t", 8) is None
    assert "No C compiler" in caplog.text


def test_a_compiler_that_fails(monkeypatch, caplog):
    monkeypatch.setenv("CC", "false")
    with caplog.at_level(logging.WARNING):
        assert compiler.library("float", "int32_t", 8) is None
    assert "not compiled" in caplog.text
