"""The differ of OpenAPI documents: what breaks a client, and what does not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from ci.checks.api.compat import breaks

TODAY = date(2026, 6, 1)


def text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def body(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": ["name"], "additionalProperties": False}


OLD: dict[str, Any] = {
    "paths": {
        "/places/{id}": {
            "parameters": [{"in": "path", "name": "id", "required": True, "schema": text(format="uuid")}],
            "post": {
                "operationId": "tried.add",
                "security": [],
                "parameters": [{"in": "query", "name": "kind", "schema": text(enum=["a", "b"])}],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": body(name=text(maxLength=20), size={"type": "integer"})}},
                },
                "responses": {
                    "201": {
                        "headers": {"X-Request-Id": {}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Place"}}},
                    },
                    "409": {"content": {"application/problem+json": {"schema": {"properties": {"code": {"enum": ["tried.sold"]}}}}}},
                },
            },
            "get": {"operationId": "tried.get", "deprecated": True, "x-sunset": "2026-05-31", "responses": {"204": {}}},
        }
    },
    "components": {"schemas": {"Place": body(name=text(), state=text(enum=["new"]), at=text(format="date-time"))}},
}
POST = "/places/{id}", "post"


def changed(change: Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], object]) -> list[str]:
    """What breaks after a change of (the paths' item, the request's schema, the answer's schema)."""
    new = copy.deepcopy(OLD)
    item = new["paths"]["/places/{id}"]
    request = item["post"]["requestBody"]["content"]["application/json"]["schema"]
    change(item, request, new["components"]["schemas"]["Place"])
    return [f"{one.where}: {one.what}" for one in breaks(OLD, new, TODAY) if one.where.startswith("POST")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda item, *_: item.clear(), "the method is gone"),
        (lambda item, *_: item["post"].update(operationId="tried.make"), "operationId 'tried.add' is now 'tried.make'"),
        (lambda item, *_: item["post"].update(security=[{"bearer": []}]), "it demands a token now"),
        (lambda item, *_: item["post"].update({"x-permission": "tried:use"}), "it demands the permission tried:use now"),
        (lambda item, *_: item["parameters"][0].update(schema={"type": "integer"}), "path parameter '0' may not be string any more"),
        (lambda item, *_: item["post"]["parameters"][0].update(required=True), "was optional and is now a required query parameter 'kind'"),
        (
            lambda item, *_: item["post"]["parameters"].append({"in": "query", "name": "sort", "required": True}),
            "new required query parameter 'sort'",
        ),
        (lambda item, *_: item["post"]["parameters"].clear(), "query parameter 'kind' is gone"),
        (lambda item, *_: item["post"]["parameters"][0]["schema"]["enum"].pop(), "query parameter 'kind' may not say b any more"),
        (lambda _, sent, __: sent["required"].append("size"), "the body has to have 'size' now"),
        (lambda _, sent, __: sent["properties"].pop("size"), "the body may not have 'size' any more"),
        (lambda _, sent, __: sent["properties"].update(size=text()), "the body.size may not be integer any more"),
        (lambda _, sent, __: sent["properties"]["name"].update(maxLength=5), "the body.name has maxLength 5 now, not 20"),
        (lambda _, sent, __: sent["properties"]["name"].update(pattern="^a"), "the body.name has to match ^a now"),
        (lambda item, *_: item["post"]["requestBody"].update(content={"text/csv": {}}), "it no longer takes application/json"),
        (lambda _, __, answer: (answer["properties"].pop("name"), answer["required"].clear()), "the answer has no 'name' now"),
        (lambda _, __, answer: answer["properties"].pop("at"), "the answer has no 'at' now"),
        (lambda _, __, answer: answer["required"].clear(), "the answer may lack 'name' now"),
        (lambda _, __, answer: answer["properties"].update(name={"type": "integer"}), "the answer.name can be integer now"),
        (lambda _, __, answer: answer["properties"].update(name=text(type=["string", "null"])), "the answer.name can be null now"),
        (lambda _, __, answer: answer["properties"]["state"]["enum"].append("lost"), "the answer.state can say lost now"),
        (lambda _, __, answer: answer["properties"]["at"].pop("format"), "the answer.at was date-time and is now of any format"),
        (
            lambda item, *_: item["post"]["responses"].update({"200": item["post"]["responses"].pop("201")}),
            "success was 201 and is now 200",
        ),
        (lambda item, *_: item["post"]["responses"]["201"].update(headers={}), "the answer has no header X-Request-Id any more"),
        (lambda item, *_: item["post"]["responses"]["201"].update(content={"text/csv": {}}), "it no longer answers with application/json"),
    ],
)
def test_break_is_found(change: Callable[..., object], expected: str) -> None:
    """One for each kind, and no other."""
    (only,) = changed(change)
    assert only.startswith(f"POST /places/{{id}}: {expected}")


@pytest.mark.parametrize(
    "change",
    [
        lambda *_: None,
        lambda item, *_: item.update(put={"operationId": "tried.put", "responses": {}}),
        lambda item, *_: item["post"]["parameters"].append({"in": "query", "name": "sort", "schema": text()}),
        lambda item, *_: item["parameters"][0].update(required=True, name="id"),
        lambda item, *_: item["post"]["parameters"][0]["schema"]["enum"].append("c"),
        lambda _, sent, __: sent["properties"].update(note=text()),
        lambda _, sent, __: sent["properties"]["name"].update(maxLength=99),
        lambda _, sent, __: sent["properties"].update(size={"type": ["number", "null"]}),
        lambda _, sent, __: sent["properties"].update(size={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        lambda _, __, answer: answer["properties"].update(note=text()),
        lambda _, __, answer: answer["required"].append("state"),
        lambda item, *_: item["post"]["responses"]["409"]["content"]["application/problem+json"]["schema"]["properties"]["code"][
            "enum"
        ].append("tried.late"),
        lambda item, *_: item["post"]["responses"].update({"410": {}}),
        lambda item, *_: item.pop("get"),
    ],
)
def test_what_is_added_breaks_nothing(change: Callable[..., object]) -> None:
    """Nor does what was announced to go, and whose day is past."""
    assert changed(change) == []


def test_what_goes_too_early_is_found() -> None:
    """Its window is not over, or it was never announced."""
    old = {"paths": {"/a": {"get": {"deprecated": True, "x-sunset": "2026-06-01"}}, "/b": {"get": {"x-sunset": "2020-01-01"}}}}
    assert [one.where for one in breaks(old, {"paths": {}}, TODAY)] == ["GET /a", "GET /b"]
    assert [one.where for one in breaks(old, {"paths": {}}, TODAY, ("/b",))] == ["GET /b"]


def test_name_of_a_path_parameter_does_not_matter() -> None:
    """Who sends it never sees it."""
    new = copy.deepcopy(OLD)
    new["paths"]["/places/{place}"] = new["paths"].pop("/places/{id}")
    assert list(breaks(OLD, new, TODAY)) == []
