"""Examples in documents: Python compiles and imports what is there; every `flask` command exists, with its options."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Collection, Iterator
from textwrap import dedent

import click
from flask.cli import FlaskGroup, ScriptInfo

from app import create_app

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
_SHELL = ("", "sh", "bash", "shell", "console")
_FLASK = re.compile(r"^\$?\s*(?:\S*/)?(?:python -m (?:app\.embedded )?)?flask (?P<words>[^#|;&>)]*)")
_TAKE_A_VALUE = ("--app", "-A", "--env-file", "-e")


def commands() -> click.Group:
    """`flask` with all its commands, over the application as it is configured."""
    group = FlaskGroup(create_app=create_app)
    # Asked in this way it makes no second application for each question.
    group.context_settings = {"obj": ScriptInfo(create_app=create_app)}
    return group


def problems(text: str, packages: Collection[str], flask: click.Group) -> Iterator[tuple[int, str]]:
    """The line and a sentence for each example that could not run; of Python's imports, those from these packages are looked up."""
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start("code")) + 1
        code = dedent(block["code"])
        if block["language"] == "python":
            yield from ((first + line - 1, said) for line, said in _python(code, packages))
        elif block["language"] in _SHELL:
            for number, line in enumerate(code.splitlines()):
                if (found := _FLASK.match(line)) and (said := _command(found["words"], flask)):
                    yield first + number, said


def _python(code: str, packages: Collection[str]) -> Iterator[tuple[int, str]]:
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        yield error.lineno or 1, f"the example is no Python: {error.msg}"
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in packages:
            for alias in node.names:
                if not _is_there(str(node.module), alias.name):
                    yield node.lineno, f"{node.module} has no {alias.name}"


def _is_there(module: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), name) or importlib.util.find_spec(f"{module}.{name}") is not None
    except ImportError:
        return False


def _command(said: str, flask: click.Group) -> str:
    """Why `flask` would not understand these words; empty when it would."""
    words = shlex.split(said)
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in _TAKE_A_VALUE else words[1:]
    found: click.Command = flask
    with click.Context(flask, obj=flask.context_settings["obj"]) as context:
        while isinstance(found, click.Group) and words:
            inner = found.get_command(context, words[0])
            if inner is None:
                return f"flask has no command {' '.join([str(found.name or ''), words[0]]).strip()}"
            found, words = inner, words[1:]
    options = {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in options]
    return f"{found.name} has no option {unknown[0]}" if unknown else ""
