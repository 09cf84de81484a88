"""What lower precision does to the architecture's gradient: ``python -m benchmarks.precision [--help]``.

The gradient in all alphas of DARTS, first and second order, computed in float32, with TF32 and under
bfloat16 autocast, against float64 at the very same weights, alphas, momentum and images. The weights have
been trained for some steps on these random images and the alphas are spread, so that neither a fresh
network nor a uniform mixture decides the outcome. TF32 exists on GPUs only; on a CPU the factors of every
convolution and matrix product are rounded to its 10 bits of mantissa instead.

Second order is shown with its correction alone too: the difference of two gradients over w +- R v, which
is where rounding could drown the signal.
"""

from __future__ import annotations

import datetime
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click
import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.harness import machine
from benchmarks.harness.case import Case
from benchmarks.harness.ours import space_of
from benchmarks.harness.quiet import quiet
from benchmarks.harness.results import write_section
from nni_darts import DARTS
from nni_darts.engine import SearchModule
from nni_darts.parts.architect import Unrolled, first_order
from nni_darts.stages.numerics import numerics
from nni_darts.strategy import SUPERNETS
from nni_darts.training.classifier import Classifier

QUANTITIES = ("first order", "second order", "its correction alone")

PRODUCTS = {
    torch.ops.aten.convolution.default,
    torch.ops.aten.convolution_backward.default,
    torch.ops.aten.mm.default,
    torch.ops.aten.bmm.default,
    torch.ops.aten.addmm.default,
    torch.ops.aten.baddbmm.default,
}


class RoundedFactors(TorchDispatchMode):
    """Products of float32 numbers as TF32 computes them: factors to the nearest of 10 bits, sums exact."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in PRODUCTS:
            args = pytree.tree_map_only(Tensor, as_tf32, args)
        return function(*args, **(kwargs or {}))


def as_tf32(x: Tensor) -> Tensor:
    """Rounded to the nearest, ties to even."""
    if x.dtype is not torch.float32:
        return x
    bits = x.view(torch.int32)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFF).view(torch.float32)


def tf32(device: torch.device) -> AbstractContextManager[Any]:
    """Real where there is a GPU."""
    return numerics(tf32=True) if device.type == "cuda" else RoundedFactors()


def bfloat16(device: torch.device) -> AbstractContextManager[Any]:
    """As Lightning's ``bf16-mixed``."""
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


def exact(device: torch.device) -> AbstractContextManager[Any]:
    """As the numbers are."""
    return numerics() if device.type == "cuda" else nullcontext()


FORMATS: dict[str, Callable[[torch.device], AbstractContextManager[Any]]] = {
    "float32": exact,
    "TF32": tf32,
    "bf16-mixed": bfloat16,
}


class Bench:
    """A supernet in a known state, whose gradient can be asked for in any format."""

    def __init__(self, case: Case, supernet: str, steps: int, spread: float) -> None:
        torch.manual_seed(case.seed)
        self.device = torch.device(case.device)
        self.search = _search(case, supernet)
        with torch.no_grad():
            for alpha in self.search.relaxation.alphas:
                alpha.normal_(std=spread)
        self.search.double()
        self.sgd = torch.optim.SGD(self.search.training_module.parameters(), 0.025, 0.9, weight_decay=3e-4)
        self.search.state.optimizer = lambda: self.sgd
        self.batches = case.but(dtype="float64").batches()
        for step in range(steps):
            self._train(self.batches[step % len(self.batches)])
        self._kept = [tensor.clone() for tensor in self._tensors()]

    def gradients(self, batch: dict[str, Any], dtype: torch.dtype, form: Any = exact) -> list[Tensor]:
        """Of :data:`QUANTITIES`, each as one flat tensor in float64."""
        state = self._restored(dtype)
        state.train_batch, state.valid_batch = ((x.to(dtype), y) for x, y in (batch["train"], batch["val"]))
        with form(self.device):
            first = first_order(state)
            direct, product = Unrolled()._by_difference(state)
        second = [d - p for d, p in zip(direct, product, strict=True)]
        return [torch.cat([g.detach().double() for g in found]) for found in (first, second, product)]

    def _restored(self, dtype: torch.dtype) -> Any:
        self.search.to(dtype)
        for state in self.sgd.state.values():
            state["momentum_buffer"] = state["momentum_buffer"].to(dtype)
        with torch.no_grad():
            for tensor, kept in zip(self._tensors(), self._kept, strict=True):
                tensor.copy_(kept)
        return self.search.state

    def _tensors(self) -> list[Tensor]:
        momenta = [state["momentum_buffer"] for state in self.sgd.state.values()]
        return [*self.search.parameters(), *self.search.buffers(), *momenta]

    def _train(self, batch: dict[str, Any]) -> None:
        self.search.state.train_batch = batch["train"]
        self.sgd.zero_grad()
        self.search.state.training_loss().backward()
        torch.nn.utils.clip_grad_norm_(self.search.training_module.parameters(), 5.0)
        self.sgd.step()


def _search(case: Case, supernet: str) -> SearchModule:
    strategy = DARTS(order=2, supernet=supernet)
    model = strategy.mutate_model(space_of(case))
    search = strategy.configure_oneshot_module(Classifier(epochs=1))
    search.set_model(model)
    return search.to(case.device)


def measured(bench: Bench) -> Iterator[dict[str, Any]]:
    """A row for each format and quantity: medians, and the worst of all batches."""
    wanted = [bench.gradients(batch, torch.float64) for batch in bench.batches]
    for name, form in FORMATS.items():
        found = [bench.gradients(batch, torch.float32, form) for batch in bench.batches]
        for place, quantity in enumerate(QUANTITIES):
            pairs = [(row[place], truth[place]) for row, truth in zip(found, wanted, strict=True)]
            errors = [float((x - y).norm() / y.norm()) for x, y in pairs]
            cosines = [float(torch.cosine_similarity(x, y, dim=0)) for x, y in pairs]
            yield {
                "format": name,
                "quantity": quantity,
                "error": statistics.median(errors),
                "error_max": max(errors),
                "cosine": statistics.median(cosines),
                "cosine_min": min(cosines),
            }


def table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table."""
    columns = ("format", "gradient", "relative error", "largest", "cosine", "smallest")
    lines = [columns, ("---",) * len(columns)]
    lines += [
        (
            *(row["format"], row["quantity"]),
            *(f"{row['error']:.2g}", f"{row['error_max']:.2g}"),
            *(f"{row['cosine']:.6f}", f"{row['cosine_min']:.6f}"),
        )
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@click.command(help=__doc__.split("\n\n", 1)[1])
@click.option("--channels", default=8, show_default=True)
@click.option("--layers", default=5, show_default=True, help="Cells.")
@click.option("--nodes", default=4, show_default=True)
@click.option("--batch", default=16, show_default=True, help="Images a level.")
@click.option("--image-size", default=16, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda[:N]")
@click.option("--threads", default=1, show_default=True, help="Of PyTorch on the CPU.")
@click.option("--supernet", type=click.Choice(SUPERNETS), default="generic", show_default=True)
@click.option("--steps", default=10, show_default=True, help="Of the weights, before.")
@click.option("--spread", default=0.5, show_default=True, help="Standard deviation of the alphas.")
@click.option("--json", "as_line", is_flag=True, help="End with one line of JSON.")
@click.option("--write", is_flag=True, help="Put the table into benchmarks/RESULTS.md.")
def main(
    threads: int, supernet: str, steps: int, spread: float, as_line: bool, write: bool, **sizes: Any
) -> None:
    torch.set_num_threads(threads)
    case = Case(**sizes)
    with quiet():
        rows = list(measured(Bench(case, supernet, steps, spread)))
    heading = f"Precision on {machine.hardware(case.device, threads)}: {case}"
    on_cpu = "TF32 imitated by rounding factors. " if torch.device(case.device).type == "cpu" else ""
    text = "\n".join(
        [
            f"{datetime.date.today()}, {machine.versions()}. "
            f"`python -m benchmarks.precision {' '.join(sys.argv[1:])}`",
            f"Gradient in all alphas against float64, {supernet} supernet after {steps} weight steps; "
            f"medians of four batches, and the worst. {on_cpu}".rstrip(),
            "",
            table(rows),
        ]
    )
    click.echo(f"{heading}\n\n{text}")
    if write:
        write_section(heading, text)
    if as_line:
        click.echo(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
