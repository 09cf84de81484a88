"""``nni-darts retrain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nni_darts.cli.earlier import settings_of
from nni_darts.cli.flags import RETRAIN, given_flags, settings_flags
from nni_darts.cli.inputs import Given, Inputs, assigned, resolve_inputs
from nni_darts.cli.results import as_data, as_lines, spread
from nni_darts.cli.stage import (
    check_machine,
    folder_flags,
    folder_of,
    folder_to_resume,
    open_run,
    resolved_outcome,
)
from nni_darts.cli.verb import Outcome, verb
from nni_darts.config import read_experiment
from nni_darts.config.machine import importable_from
from nni_darts.config.space import FROM_THE_DATA, KNOWN
from nni_darts.errors import ConfigError
from nni_darts.genotype import Architecture, resolve
from nni_darts.run import NullReporter
from nni_darts.run.files import write_json

if TYPE_CHECKING:
    from nni_darts.explain import Explanation

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
    earlier = folder_to_resume(out, resume) if config is None else None
    inputs, architecture = _inputs(config, given, _first_run(earlier))
    if dry_run:

        def explain() -> Explanation:
            from nni_darts.explain import explain_training

            return explain_training(inputs.settings, architecture)

        return resolved_outcome(inputs, explain)
    check_machine(inputs)
    folder = folder_of(out, resume, "runs/retrain")
    numbers = inputs.settings.retrain.seeds
    # All folders first: a folder that is in the way is said before hours of training, not after.
    runs = [
        open_run(folder / f"seed-{n}", f"retrain/{n}", inputs, resume=resume is not None, force=force)
        for n in numbers
    ]
    with importable_from(inputs.folder):
        from nni_darts.stages import run_retrain

        results = [
            run_retrain(inputs.settings, n, architecture, run, NullReporter())
            for n, run in zip(numbers, runs, strict=True)
        ]
    found = spread(results)
    write_json(folder / "summary.json", {"seeds": numbers, "spread": found})
    pairs = list(zip(results, [run.path for run in runs], strict=True))
    data = {"status": "done", "run": str(folder), "spread": found, "runs": [as_data(*pair) for pair in pairs]}
    lines = [line for pair in pairs for line in as_lines(*pair)]
    if len(results) > 1:
        lines += [
            f"{key.replace('_', ' ')}: {value['mean']:.6g} +- {value['std']:.2g} over {len(results)} seeds"
            for key, value in found.items()
        ]
    return Outcome(data, lines)


def _first_run(folder: Path | None) -> Path | None:
    """The first of the runs that a retraining left in a folder."""
    return None if folder is None else next(iter(sorted(folder.glob("seed-*"))), None)


def _inputs(config: str | None, given: Given, earlier: Path | None) -> tuple[Inputs, Architecture]:
    """Settings that fit the architecture: what it implies lies beneath the run it is from, file and flags."""
    begun = settings_of(earlier)
    text = _genotype_text(config, begun | given)
    architecture = resolve(text)
    origin = text if len(text) < 80 else "genotype"
    beneath: Given = {path: (value, origin) for path, value in _implied(architecture).items()}
    beneath["retrain.seeds"] = ([0], "default")
    if config is None:
        beneath |= begun or settings_of(_folder_of_genotype(text), ("stages", "genotype", "retrain.seeds"))
    given = given | {"genotype": (text, (begun | given).get("genotype", ("", str(config)))[1])}
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
    if architecture.space not in KNOWN:
        macro = architecture.macro.items()
        implied |= {f"space.args.{key}": value for key, value in macro if key not in FROM_THE_DATA}
    elif architecture.genotype is not None and "nodes" in KNOWN[architecture.space].arguments.model_fields:
        genotype = architecture.genotype
        implied["space.args.nodes"] = len(genotype.nodes(genotype.cells[0]))
    return implied


def _folder_of_genotype(text: str) -> Path | None:
    """The folder that a genotype lies in, None when it is a text itself."""
    if text.startswith(("{", "Genotype(")):
        return None
    return Path(text).parent if Path(text).suffix else Path(text)
