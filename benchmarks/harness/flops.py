"""Arithmetic of the operations that have any worth counting.

``torch.utils.flop_counter`` takes the backward of a grouped convolution for that of a dense one, so
convolutions are counted here: every output element costs one multiplication and one addition for each
element of its filter, and each requested gradient costs the same again.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

PRODUCTS = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1, "addbmm": 1}
"""Matrix products -> where their left matrix stands among the arguments."""


def flops(name: str, args: Any, result: Any) -> int:
    """Of one call, 2 for a multiplication with its addition; 0 for what is no product."""
    if name == "convolution":
        image, weight, transposed = args[0], args[1], args[6]
        return 2 * (image if transposed else result).numel() * weight[0].numel()
    if name == "convolution_backward":
        gradient, image, weight = args[:3]
        transposed, wanted = args[7], args[10]
        # The gradient of the bias, the third, is a sum.
        return 2 * (image if transposed else gradient).numel() * weight[0].numel() * sum(wanted[:2])
    if name in PRODUCTS:
        left, right = args[PRODUCTS[name] : PRODUCTS[name] + 2]
        return _product(left, right)
    return 0


def _product(left: Tensor, right: Tensor) -> int:
    return 2 * left.numel() * right.shape[-1]
