"""Defects of the tests."""

from __future__ import annotations

from .seed import Seed

_TEST, _CODE = "tests/test_stray.py", "src/playhall_seedling/stray.py"

_HALF = '''"""A stray module."""


def half(number: int) -> int:
    """Give half of an even number, and an odd one back."""
    if number % 2 == 0:
        number //= 2
    return number
'''
_IMPORT = "from playhall_seedling.stray import half\n\n\n"

SEEDS = (
    Seed(
        gate="assertions",
        name="a test without an assertion",
        says="test_stray asserts nothing",
        edits={_TEST: "def test_stray() -> None:\n    sum([1, 2])\n"},
    ),
    Seed(
        gate="assertions",
        name="an assertion that cannot fail",
        says="test_stray asserts nothing",
        edits={_TEST: "def test_stray() -> None:\n    assert True\n"},
    ),
    Seed(
        gate="tests",
        name="a test that fails",
        says="test_stray: ",
        edits={_TEST: "def test_stray() -> None:\n    assert sum([1, 2]) == 4\n"},
    ),
    Seed(
        gate="tests",
        name="a warning",
        says="DeprecationWarning",
        edits={
            _TEST: "import warnings\n\n\ndef test_stray() -> None:\n    warnings.warn('old', DeprecationWarning, 1)\n    assert sum([1])\n"
        },
    ),
    Seed(
        gate="tests",
        name="a test that talks to another machine",
        says="network",
        edits={
            _TEST: "import socket\n\n\ndef test_stray() -> None:\n    assert socket.create_connection(('192.0.2.1', 80), timeout=1)\n",
        },
    ),
    Seed(
        gate="coverage-total",
        name="code that no test runs",
        says="coverage of total is",
        edits={_CODE: _HALF + "\n" + "".join(f"\n\ndef unused_{n}() -> int:\n    return {n}\n" for n in range(40))},
    ),
    Seed(
        gate="coverage-plugin",
        name="the bar lowered by the change",
        says="the bar of seedling was lowered",
        before={"ci/baseline.ini": "[coverage]\nseedling = 90.0\n"},
        edits={"ci/baseline.ini": "[coverage]\nseedling = 10.0\n"},
    ),
    Seed(
        gate="coverage-changed",
        name="a branch that is tested on one side",
        says="src/playhall_seedling/stray.py:6",
        edits={_CODE: _HALF, _TEST: f"{_IMPORT}def test_stray() -> None:\n    assert half(4) == 2\n"},
    ),
    Seed(
        gate="test-first",
        name="a test that passes without the change",
        says="also pass without the change",
        before={_CODE: _HALF},
        edits={_CODE: ("number //= 2", "number = number // 2"), _TEST: f"{_IMPORT}def test_stray() -> None:\n    assert half(4) == 2\n"},
    ),
    Seed(gate="test-first", name="a change without a test", says="no test did", edits={_CODE: _HALF}),
    Seed(
        gate="order",
        name="a test that counts on many others",
        says="test_last",
        edits={
            _TEST: "LEFT: list[int] = []\n"
            + "".join(f"\n\ndef test_{n}() -> None:\n    LEFT.append({n})\n    assert LEFT\n" for n in range(30))
            + "\n\ndef test_last() -> None:\n    assert len(LEFT) == 30\n",
        },
    ),
)
