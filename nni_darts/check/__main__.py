"""Run every known fixture of a folder and print one line per quantity."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from nni_darts.check.comparison import Comparison
from nni_darts.check.registry import find_fixtures, run_checks


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects instead of lines.")
@click.option("--suffix", help="Check only this set of the files that come in sets, such as A or B.")
@click.option(
    "--supernet",
    type=click.Choice(["generic", "fused"]),
    default="generic",
    help="Which implementation of the supernet to check.  [default: generic]",
)
def main(folder: Path, as_json: bool, suffix: str | None, supernet: str) -> None:
    """Compare this package with the reference fixtures (.npz) in DIR, in float64.

    Exit code 0 if every quantity is within its tolerance, 1 if not, 2 if DIR holds no known fixture.
    """
    fixtures = find_fixtures(folder, suffix)
    if not fixtures:
        click.echo(f"{folder}: no fixture of a known kind.", err=True)
        sys.exit(2)
    rows: list[dict[str, Any]] = []
    for path, kind in fixtures:
        for comparison in run_checks(path, kind, supernet):
            rows.append(_row(path.name, comparison))
            if not as_json:
                click.echo(_line(rows[-1]))
    failed = sum(not row["passed"] for row in rows)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        click.echo(f"{len(rows)} quantities in {len(fixtures)} files, {failed} failed")
    sys.exit(1 if failed else 0)


def _row(file: str, comparison: Comparison) -> dict[str, Any]:
    return {
        "file": file,
        "quantity": comparison.name,
        # Strict JSON has no infinity.
        "error": comparison.error if comparison.error < float("inf") else None,
        "tolerance": comparison.tolerance,
        "passed": comparison.passed,
    }


def _line(row: dict[str, Any]) -> str:
    error = "inf" if row["error"] is None else f"{row['error']:.1e}"
    verdict = "pass" if row["passed"] else "FAIL"
    return f"{row['file']}  {row['quantity']}  {error}  {row['tolerance']:.0e}  {verdict}"


if __name__ == "__main__":
    main()
