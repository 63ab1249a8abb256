"""Other settings and other services for one test."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, get_type_hints
from unittest.mock import create_autospec

import svcs
from flask import Flask

from app.core.settings import CoreSettings
from app.core.state import Playhall

T = TypeVar("T")


class OverrideSettings:
    """Changes settings until the end of the test."""

    def __init__(self, playhall: Playhall) -> None:
        self._playhall = playhall
        self._before = (playhall.settings, playhall.plugin_settings)

    def __call__(self, kind: type[Any] = CoreSettings, /, **values: Any) -> None:
        """Give fields of a settings class other values: `settings(LootSettings, chests_per_day=1)`; without a class, the core's.

        What was read at boot stays as it was (hosts, CORS, pool, keys). Raises TypeError for a field that is not there, LookupError
        for the class of no enabled plugin, and ValueError for values that the boot would refuse.
        """
        owner = next((name for name, made in self._made().items() if type(made) is kind), None)
        if owner is None:
            raise LookupError(f"{kind.__name__} is the settings class of no enabled plugin")
        if unknown := set(values) - {field.name for field in dataclasses.fields(kind)}:
            fields = ", ".join(field.name for field in dataclasses.fields(kind))
            raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}; it has {fields}")
        made = dataclasses.replace(self._made()[owner], **values)
        if problems := list(made.problems() if hasattr(made, "problems") else ()):
            raise ValueError("; ".join(problems))
        if owner == "":
            self._playhall.settings = made
        else:
            self._playhall.plugin_settings = MappingProxyType({**self._playhall.plugin_settings, owner: made})  # type: ignore[assignment]

    def restore(self) -> None:
        """As they were."""
        self._playhall.settings, self._playhall.plugin_settings = self._before

    def _made(self) -> Mapping[str, Any]:
        return {"": self._playhall.settings, **self._playhall.plugin_settings}


class Fake:
    """Puts something else in a service's place until the end of the test."""

    def __init__(self, app: Flask) -> None:
        self._registry = svcs.flask.get_registry(app)
        self._before: dict[type[Any], Any] = {}

    def __call__(self, protocol: type[T], instead: T | None = None, /, **gives: Any) -> Any:
        """Have whoever asks for the Protocol get this object, or a stub that records its calls; the one or the other.

        The stub is a `unittest.mock` autospec: a call that the Protocol does not allow is a TypeError. `gives` says what its
        methods return, or what is called instead of them; one that is called and promises a value has to be among them.
        Raises TypeError when the object does not fit the Protocol.
        """
        fake = _stub(protocol, gives) if instead is None else instead
        if instead is not None and (problems := list(_misfits(protocol, instead))):
            raise TypeError(f"{type(instead).__name__} is no {protocol.__name__}: {'; '.join(problems)}")
        if protocol not in self._before:
            self._before[protocol] = self._registry._services.get(protocol)
        self._registry.register_value(protocol, fake)
        return fake

    def restore(self) -> None:
        """As they were."""
        while self._before:
            protocol, service = self._before.popitem()
            if service is None:
                del self._registry._services[protocol]
            else:
                self._registry._services[protocol] = service


def _methods(protocol: type[Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, function in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            yield name, function


def _stub(protocol: type[Any], gives: Mapping[str, Any]) -> Any:
    methods = dict(_methods(protocol))
    if unknown := set(gives) - set(methods):
        raise TypeError(f"{protocol.__name__} has no {', '.join(sorted(unknown))}; it has {', '.join(methods)}")
    stub = create_autospec(protocol, instance=True, spec_set=True)
    for name, function in methods.items():
        method = getattr(stub, name)
        if name in gives and callable(gives[name]):
            method.side_effect = gives[name]
        elif name in gives:
            method.return_value = gives[name]
        elif get_type_hints(function).get("return") is type(None):
            method.return_value = None
        else:
            method.side_effect = _unsaid(protocol, name)
    return stub


def _unsaid(protocol: type[Any], name: str) -> Callable[..., Any]:
    def unsaid(*_: Any, **__: Any) -> Any:
        raise AssertionError(f"{protocol.__name__}.{name} was called; say what it gives: fake({protocol.__name__}, {name}=...)")

    return unsaid


def _misfits(protocol: type[Any], instead: object) -> Iterator[str]:
    for name, function in _methods(protocol):
        method = getattr(instead, name, None)
        if not callable(method):
            yield f"it has no {name}()"
            continue
        wanted = list(inspect.signature(function).parameters.values())[1:]
        if problem := _refuses(inspect.signature(method), wanted):
            yield f"{name}{inspect.signature(method)} does not take what {name}{inspect.signature(function)} allows: {problem}"


def _refuses(given: inspect.Signature, wanted: list[inspect.Parameter]) -> str | None:
    """Why a call that the Protocol allows would fail."""
    by_name = [one for one in wanted if one.kind is one.KEYWORD_ONLY]
    by_place = [one for one in wanted if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    either = [one for one in by_place if one.kind is one.POSITIONAL_OR_KEYWORD]
    try:
        given.bind(*by_place, **{one.name: one for one in by_name})
        given.bind(*by_place[: len(by_place) - len(either)], **{one.name: one for one in [*either, *by_name]})
        required = [one for one in by_place if one.default is one.empty]
        given.bind(*required, **{one.name: one for one in by_name if one.default is one.empty})
    except TypeError as error:
        return str(error)
    return None
