"""``nni-darts doctor``: the environment, to mend it or to paste it into an issue."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import click

from nni_darts.cli.verb import Outcome, verb

PACKAGES = (
    "nni-darts",
    "nni",
    "torch",
    "torchvision",
    "pytorch-lightning",
    "torchmetrics",
    "numpy",
    "pandas",
    "pydantic",
    "setuptools",
)
SECONDS = 60


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, whether it is well, and what was seen or what to do."""

    name: str
    ok: bool
    detail: str
    required: bool = True


@verb("doctor", short_help="Versions, devices, and whether NNI can start here.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(1, 65535), help="Port of the web page."
)
def doctor_command(port: int) -> Outcome:
    """Look at the environment: versions, devices, nnictl, the port of the web page, matplotlib, folders."""
    versions = {name: _version(name) for name in PACKAGES}
    system = {"python": platform.python_version(), "system": platform.system(), "cpus": os.cpu_count()}
    devices = _devices()
    checks = [
        *_packages(versions),
        _nnictl(),
        _trial_python(),
        _port(port),
        _matplotlib(),
        _kernels(),
        *_folders(),
    ]
    lines = [f"{name:<18} {value}" for name, value in {**system, **versions}.items()]
    lines += [f"{'device':<18} {device}" for device in devices]
    lines += [f"{'ok' if c.ok else 'FAIL' if c.required else 'warn':<5} {c.name}: {c.detail}" for c in checks]
    data = {**system, "versions": versions, "devices": devices, "checks": [asdict(check) for check in checks]}
    healthy = all(check.ok or not check.required for check in checks)
    return Outcome({**data, "healthy": healthy}, lines, exit_code=0 if healthy else 1)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def _packages(versions: dict[str, str]) -> Iterator[Check]:
    missing = [name for name, version in versions.items() if version == "missing"]
    if missing:
        yield Check("packages", False, f"missing: {', '.join(missing)}; pip install nni-darts brings them.")
    setuptools = versions["setuptools"].split(".")[0]
    if setuptools.isdigit() and int(setuptools) > 80:
        yield Check("setuptools", False, 'nnictl needs pkg_resources: pip install "setuptools<81"')


def _kernels() -> Check:
    import torch

    from nni_darts.supernet.fused.native.kernels import kernels_for

    if kernels_for(torch.float32, 16) is not None:
        return Check("CPU kernels", True, "compiled; a search on this CPU is fused", required=False)
    detail = "none: a search on this CPU takes about three times as long. Install a C compiler (gcc or clang)"
    return Check("CPU kernels", False, f"{detail}; NNI_DARTS_KERNELS=off turns them off.", required=False)


def _devices() -> list[str]:
    try:
        import torch
    except ImportError:
        return []
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return [f"cuda:{index} {name}" for index, name in enumerate(names)] or ["cpu (no GPU that torch can use)"]


def _nnictl() -> Check:
    beside = Path(sys.executable).with_name("nnictl")
    command = str(beside) if beside.is_file() else shutil.which("nnictl")
    if command is None:
        return Check("nnictl", False, "not found; pip install nni==3.0 and put its folder on PATH.")
    return _starts("nnictl", [command, "--version"], f"{command} starts", "does not start")


def _trial_python() -> Check:
    """NNI runs ``python3 -m nni_darts trial`` in a shell: that python3 must be one that has the package."""
    command = shutil.which("python3")
    if command is None:
        return Check("trial command", False, "no python3 on PATH, which NNI's trials are run with.")
    hint = "activate the environment in the shell that runs nnictl, or name its python in trialCommand;"
    arguments = [command, "-c", "import nni_darts"]
    return _starts("trial command", arguments, f"{command} has nni_darts", f"has no nni_darts; {hint}")


def _starts(name: str, arguments: list[str], good: str, bad: str) -> Check:
    try:
        done = subprocess.run(
            arguments, capture_output=True, text=True, timeout=SECONDS, check=False, cwd="/"
        )
    except subprocess.TimeoutExpired:
        return Check(name, False, f"{arguments[0]} gave no answer in {SECONDS} seconds.")
    except OSError as error:
        return Check(name, False, f"{arguments[0]} cannot be run: {error.strerror}.")
    if done.returncode == 0:
        return Check(name, True, f"{good}{': ' + done.stdout.strip() if done.stdout.strip() else ''}.")
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return Check(name, False, f"{arguments[0]} {bad} {last}")


def _port(port: int) -> Check:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            detail = f"{port} is not free ({error.strerror}); nnictl create --port takes another."
            return Check("port", False, detail, required=False)
    return Check("port", True, f"{port} is free.")


def _matplotlib() -> Check:
    version = _version("matplotlib")
    if version == "missing":
        return Check(
            "matplotlib", False, 'no drawings without it: pip install "nni-darts[plot]"', required=False
        )
    return Check("matplotlib", True, f"{version}.")


def _folders() -> Iterator[Check]:
    for name, folder in (
        ("current folder", Path.cwd()),
        ("NNI's folder", Path("~/nni-experiments").expanduser()),
    ):
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        try:
            with tempfile.TemporaryFile(dir=existing):
                yield Check(name, True, "can be written to.")
        except OSError as error:
            yield Check(name, False, f"{existing} cannot be written to: {error.strerror}.")
