"""The one number that ranks: larger is better."""

from __future__ import annotations

from collections.abc import Mapping

from nni_darts.errors import RunError


def score_of(metrics: Mapping[str, float], *parts: str) -> float | None:
    """Of the first part (``valid``, ``train``, ``test``) that was measured; None where none was.

    Accuracy in percent, or minus the perplexity: NNI's page and the selection take the largest.
    """
    for part in parts:
        if f"{part}_accuracy" in metrics:
            return metrics[f"{part}_accuracy"]
        if f"{part}_perplexity" in metrics:
            return -metrics[f"{part}_perplexity"]
    return None


def ranked(metrics: Mapping[str, float], part: str) -> dict[str, float]:
    """The metrics with their score first, as ``default``.

    Raises
    ------
    RunError
        The part was not measured.
    """
    score = score_of(metrics, part)
    if score is None:
        raise RunError(f"neither {part}_accuracy nor {part}_perplexity was measured.")
    return {"default": score, **metrics}
