from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nni_darts.run.files import write_json, write_text


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_written_file_is_readable_as_the_users_other_files(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_killed_writer_never_leaves_half_a_file(tmp_path: Path) -> None:
    """A process that only rewrites a large file is killed in the middle of it, several times."""
    target = tmp_path / "big.txt"
    writer = (
        "import itertools, sys\n"
        "from nni_darts.run.files import write_text\n"
        "for i in itertools.cycle('ab'):\n"
        "    write_text(sys.argv[1], i * 3_000_000)\n"
        "    print(flush=True)\n"
    )
    for rounds in range(1, 5):
        with subprocess.Popen([sys.executable, "-c", writer, str(target)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(rounds):
                process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
        text = target.read_text()
        assert len(text) == 3_000_000
        assert len(set(text)) == 1
