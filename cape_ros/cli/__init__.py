"""The command line `cape`: commands of users first, those of research below `cape lab`.

Each command imports what takes seconds to import only when it runs, so that help comes at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cape_ros import __version__
from cape_ros.cli import categories, exchange
from cape_ros.cli.bag import bag
from cape_ros.cli.demo import demo
from cape_ros.cli.estimate import estimate
from cape_ros.cli.lab import lab
from cape_ros.cli.serve import serve
from cape_ros.core.errors import exit_status

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cape {__version__}")
        raise typer.Exit


@app.callback()
def cape(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version, and exit."
        ),
    ] = False,
) -> None:
    """Keypoints of any object from one annotated example.

    Exit status: 0, 1 for what can be put right or was not found, 2 for a wrong command line.
    """


app.command()(demo)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(serve)
app.command()(categories.register)
app.command("list")(categories.list_categories)
app.command()(categories.show)
app.command()(categories.rename)
app.command()(categories.remove)
app.command()(estimate)
app.command()(bag)
app.command("import")(exchange.import_)
app.command()(exchange.export)
app.add_typer(lab, name="lab")


def main() -> int:
    """Exit status 0, 1 for what a person can put right, 2 for a wrong command line."""
    return exit_status(lambda: app(prog_name="cape"))
