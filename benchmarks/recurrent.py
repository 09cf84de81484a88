"""Time per token of recurrent cells, ours against loops of the same mathematics.

``python -m benchmarks.recurrent [--help]``

Forward and backward of a cell over one window of text, the gradients of weights (and, in the search, of the
mixture) included; no embedding and no decoder, which are the same for all. Contenders take turns in one
process. With one thread, time is the process's own processor seconds.

- ``ours``: the cell as it runs (``search.supernet: auto``, and every discrete network).
- ``batched``: a loop over time, nodes and activations, all edges of a node at once: how the authors wrote it.
- ``plain``: a loop over time, nodes, edges and activations: what the generic supernet does.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import click
import torch
from torch import Tensor

from benchmarks.harness.machine import hardware, provenance
from benchmarks.harness.options import listed
from benchmarks.harness.results import write_section
from benchmarks.harness.table import markdown
from benchmarks.harness.timing import Times, interleave, stopwatch
from nni_darts.darts import DARTS
from nni_darts.genotype import RECURRENT_CELLS
from search_spaces import DartsRnnSpace
from search_spaces.recurrent.cell import Masks, RecurrentCell, gated
from search_spaces.recurrent.discrete_cell import DiscreteRecurrentCell
from search_spaces.recurrent.dropout import masked

Step = Callable[[], object]
CELLS = ("search", "discrete")


@click.command(help=__doc__.split("\n\n", 2)[2])
@click.option("--cells", default=",".join(CELLS), show_default=True, callback=listed(*CELLS))
@click.option("--width", default=300, show_default=True)
@click.option("--batch", default=64, show_default=True)
@click.option("--steps", default=35, show_default=True, help="Time steps of the window.")
@click.option("--repeats", default=5, show_default=True, help="Timed rounds.")
@click.option("--threads", default=1, show_default=True, help="Of PyTorch on the CPU.")
@click.option("--json", "as_line", is_flag=True, help="End with one line of JSON.")
@click.option("--write", is_flag=True, help="Put the table into benchmarks/RESULTS.md.")
def main(
    cells: tuple[str, ...],
    width: int,
    batch: int,
    steps: int,
    repeats: int,
    threads: int,
    as_line: bool,
    write: bool,
) -> None:
    torch.set_num_threads(threads)
    seconds, unit = stopwatch("cpu", threads)
    lines, found = [], {}
    for cell in cells:
        contenders = (search_contenders if cell == "search" else discrete_contenders)(width, steps, batch)
        times = Times(rounds=interleave(contenders, repeats, seconds))
        found[cell] = {}
        for name in contenders:
            each = times.median(name) / (steps * batch) * 1e6
            ratio = times.ratio(name, "ours")
            found[cell][name] = {"microseconds_a_token": each, **vars(ratio)}
            lines.append(
                [cell, name, f"{each:.1f}", f"{ratio.median:.2f} ({ratio.smallest:.2f}-{ratio.largest:.2f})"]
            )
    where = hardware("cpu", threads)
    heading = f"Recurrent cells on {where}: width {width}, {batch} x {steps} tokens, float32"
    note = f"{provenance()} Time: {unit}, median of {repeats} rounds in turns; forward and backward."
    text = f"{note}\n\n{markdown(['cell', 'contender', 'µs a token', 'time / ours'], lines)}"
    click.echo(f"{heading}\n\n{text}")
    if write:
        write_section(heading, text)
    if as_line:
        click.echo(json.dumps(found))


def search_contenders(width: int, steps: int, batch: int) -> dict[str, Step]:
    """Steps of search cells with equal weights, mixtures and masks."""
    contenders: dict[str, Step] = {}
    state: dict[str, Tensor] = {}
    for name, kind in (("ours", "auto"), ("batched", "generic"), ("plain", "generic")):
        torch.manual_seed(0)
        strategy = DARTS(order=1, supernet=kind)
        model = strategy.mutate_model(DartsRnnSpace(vocabulary=2, width=width))
        search = strategy.configure_oneshot_module(torch.nn.Module())
        state = state or model.state_dict()
        model.load_state_dict(state)
        cell = model.network.cell
        if name == "batched":
            cell.sequence = BatchedSearch(cell, search.state.weights)
        parameters = [*cell.parameters(), *search.relaxation.alphas]
        contenders[name] = _step(cell, parameters, width, steps, batch, search.state.weights.refresh)
    return contenders


def discrete_contenders(width: int, steps: int, batch: int) -> dict[str, Step]:
    """Steps of DARTS_V2's cell."""
    contenders: dict[str, Step] = {}
    for name in ("ours", "plain"):
        torch.manual_seed(0)
        cell = DiscreteRecurrentCell(RECURRENT_CELLS["DARTS_V2_RNN"], width)
        if name == "plain":
            cell.sequence = lambda *given, own=cell: RecurrentCell.sequence(own, *given)  # type: ignore[method-assign]
        contenders[name] = _step(cell, list(cell.parameters()), width, steps, batch, lambda: None)
    return contenders


def _step(
    cell: RecurrentCell,
    parameters: list[Tensor],
    width: int,
    steps: int,
    batch: int,
    prepare: Callable[[], None],
) -> Step:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(steps, batch, width, generator=generator)
    hidden = torch.randn(batch, width, generator=generator)
    masks = Masks(*(torch.rand(2, batch, width, generator=generator) < 0.75).float() / 0.75)
    weight = torch.randn(steps, batch, width, generator=generator)

    def step() -> tuple[Tensor, ...]:
        prepare()
        x.requires_grad_()
        loss = (cell(x, hidden, masks) * weight).sum()
        return torch.autograd.grad(loss, [x, *parameters], allow_unused=True)

    return step


class BatchedSearch:
    """A sequence as rnn/model_search.py computes it: each activation for all edges of a node together."""

    def __init__(self, cell: RecurrentCell, mixture: object) -> None:
        self.cell, self.mixture = cell, mixture

    def __call__(self, x: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        cell, outputs = self.cell, []
        rows = torch.stack(list(self.mixture.current.values()))  # type: ignore[attr-defined]
        functions = [None, torch.tanh, torch.relu, torch.sigmoid, lambda h: h]
        for token in x:
            states = cell.bn(cell.initial(token, hidden, masks))[None]  # type: ignore[operator]
            for node, matrix in enumerate(cell.W_nodes, start=1):
                gate, candidate = gated(masked(states, masks.hidden) @ matrix)
                start = node * (node - 1) // 2
                total = torch.zeros_like(states[0])
                for kind, function in enumerate(functions):
                    if function is None:
                        continue
                    edges = states + gate * (function(candidate) - states)
                    total = total + (rows[start : start + node, kind, None, None] * edges).sum(0)
                states = torch.cat([states, cell.bn(total)[None]])  # type: ignore[operator]
            hidden = states[1:].mean(0)
            outputs.append(hidden)
        return torch.stack(outputs)


if __name__ == "__main__":
    main()
