"""``nni-darts retrain``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nni_darts.cli.flags import RETRAIN, given_flags, settings_flags
from nni_darts.cli.inputs import Given, Inputs, assigned, resolve_inputs
from nni_darts.cli.results import as_data, as_lines, spread
from nni_darts.cli.stage import check_machine, folder_flags, folder_of, reporter, resolved_outcome, run_in
from nni_darts.cli.verb import Outcome, verb
from nni_darts.config import read_experiment
from nni_darts.config.points import leaves
from nni_darts.config.space import FROM_THE_DATA, SPACES
from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture, resolve
from nni_darts.run import Run
from nni_darts.run.files import write_json

DEFAULT_CUTOUT = 16


class SeveralValues(click.Command):
    """A command whose ``--seeds`` takes all values up to the next flag."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the flag before each of its values, which is what click understands."""
        spread_out: list[str] = []
        after = False
        for argument in args:
            if argument.startswith("-"):
                after = argument == "--seeds"
                if not after:
                    spread_out.append(argument)
            elif after:
                spread_out += [f"--seeds={value}" for value in argument.split(",") if value]
            else:
                spread_out.append(argument)
        return super().parse_args(ctx, spread_out)


@verb("retrain", cls=SeveralValues, short_help="Train a derived network from scratch and test it.")
@settings_flags(RETRAIN)
@click.option(
    "--cutout/--no-cutout", default=None, help=f"Cutout, {DEFAULT_CUTOUT} pixels where no length is given."
)
@click.option(
    "--seeds", "--seed", multiple=True, metavar="N ...", help="Seeds, one training each.  [default: 0]"
)
@folder_flags
def retrain_command(
    config: str | None,
    assignments: tuple[str, ...],
    cutout: bool | None,
    seeds: tuple[str, ...],
    out: str | None,
    resume: str | None,
    force: bool,
    dry_run: bool,
    **arguments: Any,
) -> Outcome:
    """Train a derived network from scratch and test it once, for every seed.

    A genotype from a run's folder brings the settings of that run along; flags come before them.
    """
    given = given_flags(RETRAIN, arguments) | assigned(assignments)
    if seeds:
        given["retrain.seeds"] = (list(seeds), "--seeds")
    if cutout is not None and "retrain.cutout_length" not in given:
        given["retrain.cutout_length"] = (
            DEFAULT_CUTOUT if cutout else 0,
            "--cutout" if cutout else "--no-cutout",
        )
    inputs, architecture = _inputs(config, given)
    if dry_run:
        return resolved_outcome(inputs)
    check_machine(inputs)
    folder = folder_of(out, resume, "runs/retrain")
    seeds_run = inputs.settings.retrain.seeds
    results = [
        _one(inputs, architecture, seed, folder / f"seed-{seed}", resume=resume is not None, force=force)
        for seed in seeds_run
    ]
    found = spread(results)
    write_json(folder / "summary.json", {"seeds": seeds_run, "spread": found})
    runs = [as_data(result, folder / f"seed-{s}") for s, result in zip(seeds_run, results, strict=True)]
    data = {"status": "done", "run": str(folder), "spread": found, "runs": runs}
    lines = [
        line for run, result in zip(runs, results, strict=True) for line in as_lines(result, Path(run["run"]))
    ]
    if len(results) > 1:
        lines += [
            f"{k}: {v['mean']:.6g} +- {v['std']:.2g} over {len(results)} seeds" for k, v in found.items()
        ]
    return Outcome(data, lines)


def _one(
    inputs: Inputs, architecture: Architecture, seed: int, folder: Path, *, resume: bool, force: bool
) -> dict[str, Any]:
    def job(run: Run) -> dict[str, Any]:
        from nni_darts.stages import run_retrain

        return run_retrain(inputs.settings, seed, architecture, run, reporter())

    return run_in(folder, f"retrain/{seed}", inputs, job, resume=resume, force=force)


def _inputs(config: str | None, given: Given) -> tuple[Inputs, Architecture]:
    """Settings that fit the architecture: what it implies lies beneath file and flags."""
    text = _genotype_text(config, given)
    architecture = resolve(text)
    origin = text if len(text) < 80 else "genotype"
    beneath: Given = {path: (value, origin) for path, value in _implied(architecture).items()}
    beneath["retrain.seeds"] = ([0], "default")
    if config is None:
        beneath |= _settings_of_run(text)
    given = given | {"genotype": (text, given.get("genotype", ("", str(config)))[1])}
    return resolve_inputs("retrain", config, given, beneath=beneath), architecture


def _genotype_text(config: str | None, given: Given) -> str:
    if "genotype" in given:
        return str(given["genotype"][0])
    text = read_experiment(config).settings.genotype if config is not None else None
    if text is None:
        raise ConfigError("genotype: is missing; give --genotype NAME, FILE, run folder or text.")
    return text


def _implied(architecture: Architecture) -> dict[str, Any]:
    """Settings that follow from the architecture where nothing else states them."""
    implied: dict[str, Any] = {"space.name": architecture.space}
    if architecture.space not in SPACES:
        macro = architecture.macro.items()
        implied |= {f"space.args.{key}": value for key, value in macro if key not in FROM_THE_DATA}
    elif architecture.genotype is not None:
        implied["space.args.nodes"] = len(architecture.genotype.normal) // 2
    return implied


def _settings_of_run(text: str) -> Given:
    """The settings of the run whose genotype this is, without those of its own stage."""
    if text.startswith(("{", "Genotype(")):
        return {}
    path = Path(text)
    path = (path.parent if path.suffix else path) / "config.resolved.yaml"
    if not path.is_file():
        return {}
    own = ("stages", "genotype", "retrain.seeds")
    values = leaves(read_experiment(path).settings.to_dict())
    return {key: (value, str(path)) for key, value in values if key not in own}
