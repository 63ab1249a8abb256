"""What of a new OpenAPI document breaks a client that was made for the old one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from .references import resolved

Json = Mapping[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SUNSET = "x-sunset"
WINDOW = f"announce it first: `deprecated: true` and `{SUNSET}: <date>` in one release, and remove it in one after that date"

_BOUNDS = {
    "minimum": 1,
    "exclusiveMinimum": 1,
    "minLength": 1,
    "minItems": 1,
    "maximum": -1,
    "exclusiveMaximum": -1,
    "maxLength": -1,
    "maxItems": -1,
}


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that worked and does not any more."""

    where: str  # "GET /path"
    what: str
    do: str


def breaks(old: Json, new: Json, today: date, prefixes: tuple[str, ...] = ("/",)) -> Iterator[Break]:
    """Every break of the old document's operations below one of the prefixes. What is added breaks nothing."""
    served = {_anonymous(path): item for path, item in new["paths"].items()}
    for path, item in old["paths"].items():
        if not path.startswith(prefixes):
            continue
        now = served.get(_anonymous(path))
        for method in METHODS:
            if method in item:
                where = f"{method.upper()} {path}"
                if now is None or method not in now:
                    if not _sunset(item[method], today):
                        yield Break(where, "its address is gone" if now is None else "the method is gone", WINDOW)
                else:
                    yield from (Break(where, what, do) for what, do in _Operations(old, new).differ(item, now, method))


def _anonymous(path: str) -> str:
    """What a parameter is called does not matter to who sends it."""
    return re.sub(r"{[^{}]*}", "{}", path)


def _sunset(operation: Json, today: date) -> bool:
    """Whether its end was announced, and is past."""
    try:
        return operation.get("deprecated") is True and date.fromisoformat(str(operation.get(SUNSET))[:10]) < today
    except ValueError:
        return False


Found = Iterator[tuple[str, str]]  # what, do


class _Operations:
    """One operation in two documents."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new

    def differ(self, old_item: Json, new_item: Json, method: str) -> Found:
        """What breaks."""
        old, new = old_item[method], new_item[method]
        if old.get("operationId") != new.get("operationId"):
            yield (
                f"operationId {old.get('operationId')!r} is now {new.get('operationId')!r}, so a generated client's function is gone",
                "give the function its name back",
            )
        if _open(old, self._old) and not _open(new, self._new):
            yield "it demands a token now", "leave it public, or offer what is not public at another address"
        if new.get("x-permission") and old.get("x-permission") != new["x-permission"]:
            yield (
                f"it demands the permission {new['x-permission']} now, not {old.get('x-permission', 'any')}",
                "demand the old one, or give the new operation another address",
            )
        yield from self._parameters(_parameters(old_item, old, self._old), _parameters(new_item, new, self._new))
        yield from self._body(resolved(old.get("requestBody", {}), self._old), resolved(new.get("requestBody", {}), self._new))
        yield from self._responses(old.get("responses", {}), new.get("responses", {}))

    def _parameters(self, old: dict[tuple[str, str], Json], new: dict[tuple[str, str], Json]) -> Found:
        for (place, name), one in new.items():
            before = old.get((place, name))
            if one.get("required") and not (before or {}).get("required"):
                kind = "new" if before is None else "was optional and is now a"
                yield f"{kind} required {place} parameter {name!r}", "make it optional, with a default that does what was done without it"
        for (place, name), before in old.items():
            if (place, name) not in new:
                yield f"{place} parameter {name!r} is gone, and what is not known is refused", "go on accepting it"
            else:
                yield from self._sent(f"{place} parameter {name!r}", before.get("schema", {}), new[place, name].get("schema", {}))

    def _body(self, old: Json, new: Json) -> Found:
        if new.get("required") and not old.get("required"):
            yield "it demands a body now", "make the body optional"
        for media, before in old.get("content", {}).items():
            now = new.get("content", {}).get(media)
            if now is None:
                yield f"it no longer takes {media}", "go on accepting it"
            else:
                yield from self._sent("the body", before.get("schema", {}), now.get("schema", {}))

    def _responses(self, old: Json, new: Json) -> Found:
        for status in (status for status in old if str(status).startswith("2")):
            if status not in new:
                now = ", ".join(sorted(one for one in new if str(one).startswith("2"))) or "none"
                yield f"success was {status} and is now {now}", f"answer with {status} as before"
                continue
            before, after = resolved(old[status], self._old), resolved(new[status], self._new)
            for name in before.get("headers", {}).keys() - after.get("headers", {}).keys():
                yield f"the answer has no header {name} any more", "go on sending it"
            for media, content in before.get("content", {}).items():
                if media not in after.get("content", {}):
                    yield f"it no longer answers with {media}", "go on answering with it"
                else:
                    schema = after["content"][media].get("schema", {})
                    yield from _Fit(self._new, self._old, answer=True).misfits("the answer", schema, content.get("schema", {}), 0)

    def _sent(self, name: str, old: Json, new: Json) -> Found:
        return _Fit(self._old, self._new, answer=False).misfits(name, old, new, 0)


class _Fit:
    """Whether all that one schema allows to send is what another's reader takes."""

    def __init__(self, sender: Json, reader: Json, *, answer: bool) -> None:
        self._sender, self._reader, self._answer = sender, reader, answer

    def misfits(self, name: str, sent: Json, taken: Json, depth: int) -> Found:
        """What may be sent and is not taken."""
        sent, taken = resolved(sent, self._sender), resolved(taken, self._reader)
        if depth > 12:  # a schema that holds itself
            return
        sent_ways, taken_ways = _ways(sent, self._sender), _ways(taken, self._reader)
        if len(sent_ways) > 1 or len(taken_ways) > 1:
            for way in sent_ways:
                tried = [list(self.misfits(name, way, other, depth + 1)) for other in taken_ways]
                if all(tried):
                    yield min(tried, key=len)[0]
            return
        if extra := _types(sent) - _types(taken) - ({"integer"} if "number" in _types(taken) else set()):
            types = ", ".join(sorted(extra))
            yield (
                (f"{name} can be {types} now" if self._answer else f"{name} may not be {types} any more"),
                "keep its type, and add another field",
            )
            return
        yield from self._values(name, sent, taken)
        yield from self._fields(name, sent, taken, depth)
        for inner in ("items", "additionalProperties"):
            if isinstance(sent.get(inner), Mapping) and isinstance(taken.get(inner), Mapping):
                yield from self.misfits(f"{name}[]", sent[inner], taken[inner], depth + 1)

    def _values(self, name: str, sent: Json, taken: Json) -> Found:
        allowed, known = _enum(sent), _enum(taken)
        if known is not None and (extra := ["anything"] if allowed is None else [one for one in allowed if one not in known]):
            said = ", ".join(map(str, extra))
            yield (f"{name} can say {said} now" if self._answer else f"{name} may not say {said} any more"), "keep the values as they were"
        if sent.get("format") != taken.get("format") and (taken.get("format") or self._answer):
            yield f"{name} was {_format(sent, taken, self._answer)}", "keep its format, and add another field"
        if self._answer:
            return  # what is answered may be narrower, and no reader counts on the width
        if taken.get("pattern") and sent.get("pattern") != taken["pattern"]:
            yield f"{name} has to match {taken['pattern']} now", "go on accepting what was accepted"
        for word, sign in _BOUNDS.items():
            if word in taken and (word not in sent or (taken[word] - sent[word]) * sign > 0):
                yield f"{name} has {word} {taken[word]} now, not {sent.get(word, 'any')}", "go on accepting what was accepted"

    def _fields(self, name: str, sent: Json, taken: Json, depth: int) -> Found:
        here, there = sent.get("properties", {}), taken.get("properties", {})
        required, demanded = set(sent.get("required", ())), set(taken.get("required", ()))
        for field in sorted(demanded - required):
            if self._answer:
                yield f"{name} {'may lack' if field in here else 'has no'} {field!r} now", "go on sending it"
            else:
                yield f"{name} has to have {field!r} now", "make it optional, with a default that does what was done without it"
        for field in sorted(there.keys() - here.keys() - demanded if self._answer else here.keys() - there.keys()):
            if self._answer or taken.get("additionalProperties") is False:
                yield (
                    (f"{name} has no {field!r} now", "go on sending it")
                    if self._answer
                    else (
                        f"{name} may not have {field!r} any more",
                        "go on accepting it",
                    )
                )
        for field in sorted(here.keys() & there.keys()):
            yield from self.misfits(f"{name}.{field}", here[field], there[field], depth + 1)


def _format(sent: Json, taken: Json, answer: bool) -> str:
    old, new = (taken, sent) if answer else (sent, taken)
    return f"{old.get('format', 'of any format')} and is now {new.get('format', 'of any format')}"


def _parameters(item: Json, operation: Json, document: Json) -> dict[tuple[str, str], Json]:
    """By place and name; those of the path by their place in it, for their names do not matter."""
    both = [resolved(one, document) for one in (*item.get("parameters", ()), *operation.get("parameters", ()))]
    found = {(one["in"], one["name"]): one for one in both if one["in"] != "path"}
    return found | {("path", str(number)): one for number, one in enumerate(one for one in both if one["in"] == "path")}


def _open(operation: Json, document: Json) -> bool:
    security = operation.get("security", document.get("security", []))
    return not security or {} in security


def _ways(schema: Json, document: Json) -> list[Json]:
    """The alternatives of a schema: itself alone when there are none; allOf is one."""
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return [resolved(one, document) for one in schema[word]]
    if "allOf" in schema:
        parts = [_ways(resolved(one, document), document)[0] for one in schema["allOf"]]
        merged: dict[str, Any] = {key: value for part in parts for key, value in part.items()}
        merged["properties"] = {key: value for part in parts for key, value in part.get("properties", {}).items()}
        merged["required"] = [name for part in parts for name in part.get("required", ())]
        return [merged]
    return [schema]


def _types(schema: Json) -> set[str]:
    kind = schema.get("type")
    if kind is None:
        every = {"object", "array", "string", "number", "integer", "boolean", "null"}
        return {"object"} if "properties" in schema else every if _enum(schema) is None else set()
    return {kind} if isinstance(kind, str) else set(kind)


def _enum(schema: Json) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")
