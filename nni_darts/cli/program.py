"""The program: its verbs, imported lazily."""

from __future__ import annotations

from importlib import import_module

import click

from nni_darts.version import __version__

VERBS = {
    "run": "run",
    "search": "search",
    "derive": "derive",
    "retrain": "retrain",
    "test": "test",
    "validate": "validate",
    "list": "listing",
    "draw": "pictures",
    "plot": "pictures",
    "export": "export",
    "doctor": "doctor",
}
"""Verb -> module of this package that holds ``<verb>_command``, in the order of the help text."""

HIDDEN = {"trial": "trial"}
"""What NNI runs, not people."""

ALIASES = {"evaluate": "test"}


class Program(click.Group):
    """A group that imports a verb's module when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order in which a user needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The verb, None when there is none of this name."""
        name = ALIASES.get(name, name)
        if name not in VERBS | HIDDEN:
            return None
        module = import_module(f"nni_darts.cli.{(VERBS | HIDDEN)[name]}")
        command = getattr(module, f"{name}_command")
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with near matches for a verb that does not exist."""
        from nni_darts.config.problem import suggestion

        if self.get_command(ctx, args[0]) is None:
            ctx.fail(f'unknown verb "{args[0]}". {suggestion(args[0], VERBS)}')
        return super().resolve_command(ctx, args)


@click.group(
    cls=Program,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        # Users type underscores from habit; both spellings mean the same.
        "token_normalize_func": lambda token: token.replace("_", "-"),
    },
)
@click.version_option(__version__, "--version", prog_name="nni-darts")
def program() -> None:
    """Differentiable architecture search: search, select, retrain, export.

    The same stages run as an NNI experiment with a web page: nnictl create --config FILE.
    """
