"""All separable convolutions of a level together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from nni_darts.supernet.fused.batched import batched_chains
from nni_darts.supernet.fused.book import Book, Page
from nni_darts.supernet.fused.forms import Separable, Stage
from nni_darts.supernet.fused.geometry import Filter, Geometry
from nni_darts.supernet.fused.member import Member
from nni_darts.supernet.fused.native.chains import native_chains
from nni_darts.supernet.fused.norm import Norms
from nni_darts.supernet.fused.wiring import ChainStage, Wiring


def level_signature(member: Member) -> Any:
    """Equal for candidates that one level can take together."""
    stages: Any = _stages(member)
    norms = [(stage.norm.eps, stage.norm.affine) for stage in stages]
    conv = stages[0].depthwise
    return conv.out_channels, conv.stride, norms[0], norms[-1]


class Level:
    """Separable convolutions of one signature, in any pattern of sources and targets.

    The members of two stages stand first, those of one window side by side; the second stages follow the
    same order.

    Parameters
    ----------
    native
        Whether kernels compute it.
    """

    def __init__(self, book: Book, members: Sequence[Member], native: bool) -> None:
        members = sorted(members, key=_order)
        self._sources = sorted({member.source for member in members})
        self._targets = sorted({member.target for member in members})
        self._coefficients = book.coefficients.ask([member.place for member in members])
        firsts = [_stages(member)[0] for member in members]
        seconds = [_stages(member)[1] for member in members if len(_stages(member)) == 2]
        self._stages = [_Slots(book, stages) for stages in (firsts, seconds) if stages]
        sources = [self._sources.index(member.source) for member in members]
        self._wiring = Wiring(
            geometries=tuple(
                Geometry(tuple(map(_filter, readers, stages)), len(set(readers)), slots.channels)
                for slots, stages, readers in zip(
                    self._stages, (firsts, seconds), (sources, range(len(seconds))), strict=False
                )
            ),
            targets=tuple(self._targets.index(member.target) for member in members),
            eps=tuple(slots.norms.eps for slots in self._stages),
        )

        self._native = native and all(geometry.is_native for geometry in self._wiring.geometries)

    def run(self, page: Page, states: Sequence[Tensor]) -> None:
        """Add the weighted sum over the sources to every target."""
        inputs = [states[source] for source in self._sources]
        stages = [slots.read(page) for slots in self._stages]
        wiring = self._wiring.on(inputs[0], training=page.statistics is None)
        coefficients = page.coefficients[self._coefficients]
        if self._native:
            totals = [page.totals.get(target) for target in self._targets]
            found = native_chains(wiring, coefficients, stages, inputs, totals)
            page.totals.update(zip(self._targets, found.outputs, strict=True))
        else:
            rectified = [page.rectified(source, states) for source in self._sources]
            found = batched_chains(wiring, coefficients, stages, rectified)
            for target, output in zip(self._targets, found.outputs, strict=True):
                page.add(target, output)
        for slots, (centre, variance) in zip(self._stages, found.statistics, strict=False):
            slots.norms.record(page, [centre], [variance], found.correction)


class _Slots:
    """What one stage of all members reads of the book."""

    def __init__(self, book: Book, stages: Sequence[Stage]) -> None:
        norms: list[Any] = [stage.norm for stage in stages]
        self.channels: int = norms[0].num_features
        self.norms = Norms(book, norms)
        self._filters = book.weights.ask([stage.depthwise for stage in stages])
        self._pointwise = book.weights.ask([stage.pointwise for stage in stages])

    def read(self, page: Page) -> ChainStage:
        """The tensors of this forward."""
        square = (-1, self.channels, self.channels)
        norm = [None if tensor is None else tensor.view(square[:2]) for tensor in self.norms.read(page)]
        return ChainStage(page.weights[self._filters], page.weights[self._pointwise].view(square), *norm)


def _stages(member: Member) -> tuple[Stage, ...]:
    assert isinstance(member.form, Separable)
    return member.form.stages


def _order(member: Member) -> Any:
    stages = _stages(member)
    windows = [(stage.depthwise.kernel_size, stage.depthwise.dilation) for stage in stages]
    return -len(stages), windows, member.source, member.target


def _filter(source: int, stage: Stage) -> Filter:
    conv: Any = stage.depthwise
    return Filter(source, conv.kernel_size[0], conv.stride[0], conv.dilation[0])
