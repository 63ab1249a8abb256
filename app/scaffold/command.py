"""`flask plugin new`: it needs no application and no checkout."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from app.scaffold.writing import Refused, write


@click.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), metavar="FOLDER", help="Where to write it; default playhall-NAME.")
def new(name: str, into: Path | None) -> None:
    """Write a new plugin: a distribution that is complete and passes every gate as it is."""
    folder = into or Path(f"playhall-{name}")
    try:
        write(name, folder)
    except Refused as refused:
        raise click.ClickException(str(refused)) from refused
    click.echo(f"{folder} is a plugin. Next:")
    for command in (f"cd {shlex.quote(str(folder))}", "pip install -e '.[test]'", f"python -m playhall.ci run --plugin {name}"):
        click.echo(f"  {command}")
