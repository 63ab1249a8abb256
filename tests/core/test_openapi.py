"""The OpenAPI document is valid, whole, and true for every outcome of every operation."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import marshmallow as ma
import psycopg
import pytest
from conforming import ConformingClient, Document
from flask import Flask
from guarding import SignIn
from openapi_spec_validator import OpenAPIV31SpecValidator
from sampling import THINGS, Order, api_of, document, guarded_app, order, sample, sign_in
from sqlalchemy.exc import OperationalError

from app import create_app
from app.core import guards
from app.core.db import uuid7
from app.core.errors import TooManyRequests
from app.core.http import Blueprint
from app.core.operation import operation
from app.core.schemas import Schema
from app.core.web.json import loads
from app.core.web.openapi import text
from playhall import fields

__all__ = ["document", "guarded_app", "order", "sample", "sign_in"]

Send = Callable[..., Any]
THING = f"{THINGS}/{uuid7()}"


@pytest.fixture
def spec(migrated_app: Flask) -> dict[str, Any]:
    """The document of the application as it boots by default."""
    with migrated_app.app_context():
        return loads(text())  # type: ignore[no-any-return]


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation: path, method, what is said of it."""
    for path, item in spec["paths"].items():
        yield from ((path, method, said) for method, said in item.items() if method != "parameters")


def test_the_documents_are_valid(spec: dict[str, Any], guarded_app: Flask) -> None:
    """OpenAPI 3.1, by its own schema: the built-in plugins' and the sample's."""
    with guarded_app.app_context():
        for one in (spec, loads(text())):
            assert one["openapi"] == "3.1.0"
            assert list(OpenAPIV31SpecValidator(one).iter_errors()) == []


def test_it_is_served(client: Any, spec: dict[str, Any]) -> None:
    """At /api/v1/openapi.json, the same as the commands write."""
    answer = client.get("/api/v1/openapi.json")
    assert answer.content_type == "application/json"
    assert loads(answer.data) == spec


def test_the_copy_in_docs_is_current(migrated_app: Flask) -> None:
    """A change of the API is a change in a diff. When this fails: flask openapi write."""
    answer = migrated_app.test_cli_runner().invoke(args=["openapi", "check"])
    assert answer.exit_code == 0, answer.output


def test_a_stale_copy_is_named(migrated_app: Flask, tmp_path: Path) -> None:
    """With the command that corrects it; and that command does."""
    run = migrated_app.test_cli_runner().invoke
    copy = tmp_path / "openapi.json"
    copy.write_text("{}")
    stale = run(args=["openapi", "check", str(copy)])
    assert (stale.exit_code, f"flask openapi write {copy}" in stale.output) == (1, True)
    assert run(args=["openapi", "write", str(copy)]).exit_code == 0
    assert run(args=["openapi", "check", str(copy)]).exit_code == 0


def test_every_route_of_a_plugin_stands_in_it(migrated_app: Flask, spec: dict[str, Any]) -> None:
    """And nothing else does: what is not documented does not exist."""
    rules = [
        rule for rule in migrated_app.url_map.iter_rules() if rule.rule.startswith("/api/v1/") and rule.endpoint != "api-docs.openapi_json"
    ]
    served = {
        (api_of(migrated_app).flask_plugin.flaskpath2openapi(rule.rule), method.lower()) for rule in rules for method in rule.methods or ()
    }
    documented = {(path, method) for path, method, _ in operations(spec)}
    assert {route for route in served if route[1] not in {"head", "options"}} == documented
    assert documented


def test_every_operation_is_whole(spec: dict[str, Any]) -> None:
    """A name of its plugin, a sentence, who may call it, and no answer that stands for all statuses."""
    names = [said["operationId"] for *_, said in operations(spec)]
    assert len(names) == len(set(names))
    for path, _, said in operations(spec):
        assert said["operationId"].split(".")[0] in {path.split("/")[3], "core"}
        assert said["summary"]
        assert said["security"] in ([], [{"bearer": []}])
        assert ("401" in said["responses"]) == bool(said["security"])
        assert not {"default", "UNPROCESSABLE_ENTITY"} & set(said["responses"])
        assert {"400", "429", "500", "503"} <= set(said["responses"])


def test_every_error_answer_lists_its_codes(spec: dict[str, Any]) -> None:
    """As a problem document with the status and an enumeration of codes."""
    for name, response in spec["components"]["responses"].items():
        _, only = response["content"]["application/problem+json"]["schema"]["allOf"]
        assert name.split("-") == [str(only["properties"]["status"]["const"]), *only["properties"]["code"]["enum"]]


def test_every_schema_belongs_to_somebody(spec: dict[str, Any]) -> None:
    """Its name begins with the plugin's, and nothing of flask-smorest's own is left."""
    owners = ("Core", "Economy", "Auth", "Shop", "Gacha", "Notifications")
    assert [name for name in spec["components"]["schemas"] if not name.startswith(owners)] == []


def test_nothing_in_it_is_unused(spec: dict[str, Any]) -> None:
    """Every shared response, schema, header and parameter is referred to."""
    said = str(spec)
    shared = [f"#/components/{kind}/{name}" for kind, items in spec["components"].items() if kind != "securitySchemes" for name in items]
    unused = {"#/components/parameters/IdempotencyKey", "#/components/headers/Idempotency-Replayed"}  # no built-in operation needs them yet
    assert [reference for reference in shared if f"'{reference}'" not in said and reference not in unused] == []


def test_a_body_refuses_what_is_not_named(document: Document) -> None:
    """As the server does."""
    assert api_schema(document, "Order")["additionalProperties"] is False
    assert api_schema(document, "Order")["properties"]["count"] == {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}
    assert api_schema(document, "Order")["properties"]["name"] == {"type": "string", "maxLength": 20}


def api_schema(document: Document, name: str) -> dict[str, Any]:
    """A schema of the sample plugin."""
    schemas = document.registry.resolver().lookup("urn:document#/components/schemas").contents
    [found] = [schema for key, schema in schemas.items() if key.lower().endswith(name.lower())]
    return found  # type: ignore[no-any-return]


def test_an_idempotent_operation_demands_its_key(document: Document) -> None:
    """As a required header, and the answer says when it is a replay."""
    said = document.operation("POST", THINGS)
    assert said
    assert said["parameters"] == [{"$ref": "urn:document#/components/parameters/IdempotencyKey"}]
    assert "Idempotency-Replayed" in said["responses"]["201"]["headers"]
    assert said["x-permission"] == "sample:order"


def test_the_sentence_and_the_rest_come_from_the_docstring(document: Document) -> None:
    """Written once, where the code is."""
    said = document.operation("POST", THINGS)
    assert said
    assert said["summary"] == "Order a thing."
    assert said["description"] == "It is sold out when more than a hundred are asked for."


def test_two_schemas_of_one_name_are_refused() -> None:
    """A client would see one of them renamed. The message names both modules."""
    one = type("Twin", (Schema,), {"__module__": "app.core.one", "a": fields.Integer()})
    two = type("Twin", (Schema,), {"__module__": "app.core.two", "b": fields.Integer()})
    blueprint = Blueprint("twins", __name__)
    for number, schema in enumerate((one, two)):

        def view() -> dict[str, Any]:
            """Look."""
            return {}

        view.__name__ = f"view_{number}"
        blueprint.get(f"/{number}")(operation(public=True, limit="core.public")(blueprint.response(200, schema)(view)))
    with pytest.raises(ValueError, match=r"two schemas are named CoreTwin: app\.core\.one and app\.core\.two"):
        api_of(create_app()).register_blueprint(blueprint)


def test_a_schema_with_fields_left_out_is_written_in_place() -> None:
    """So it takes no name, and apispec has nothing to warn of."""
    blueprint = Blueprint("partial", __name__)

    @blueprint.get("/")
    @operation(public=True, limit="core.public")
    @blueprint.response(200, Order(only=("count",)))
    def look() -> dict[str, Any]:
        """Look."""
        return {}

    app = create_app()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        api_of(app).register_blueprint(blueprint)
    with app.app_context():
        said = loads(text())["paths"]["/"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert said["properties"].keys() == {"count"}


@pytest.mark.parametrize(
    "lax", [ma.fields.Integer, ma.fields.String, ma.fields.Boolean, ma.fields.UUID, ma.fields.DateTime, ma.fields.Float]
)
def test_a_field_that_reads_more_than_it_says_is_refused(lax: type[ma.fields.Field[Any]]) -> None:
    """When the schema is made, naming the one to use."""
    schema = type("Lax", (Schema,), {"value": lax()})
    with pytest.raises(TypeError, match=r"Lax\.value: use Playhall's \w+"):
        schema()


class Raising:
    """A guard at which every request ends."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, *_: Any) -> None:
        raise self.error


GONE = OperationalError("SELECT 1", {}, psycopg.OperationalError("gone"))
REFUSED = TooManyRequests(headers={"Retry-After": "1"})


def outcomes(sample: ConformingClient, order: Send, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Call every operation of the sample in every outcome that it has."""
    mine, stranger = sign_in().headers, sign_in(roles=()).headers
    first = order(json={"count": 1, "name": "kept"}, headers={"Idempotency-Key": "one", **mine})
    replayed = order(json={"count": 1, "name": "kept"}, headers={"Idempotency-Key": "one", **mine})
    assert (first.data, replayed.headers["Idempotency-Replayed"]) == (replayed.data, "true")
    order(json={"count": 2}, headers={"Idempotency-Key": "one", **mine})
    order(json={"count": 101})
    order(json={})
    order(data=b"{")
    order(data=b"{}", content_type="text/plain")
    order(data=b" " * 1_048_577)
    order(json={"count": 1}, headers=stranger)
    sample.post(THINGS, json={"count": 1})
    sample.post(THINGS, json={"count": 1}, headers=mine)
    listed = sample.get(THINGS).json
    sample.get(f"{THINGS}?limit=0")
    sample.get(f"{THINGS}?cursor=forged")
    sample.get(f"{THINGS}?action=%00")
    sample.get(f"{THINGS}/{listed['items'][0]['id']}", headers=mine)  # type: ignore[index]
    sample.get(THING, headers=mine)
    sample.get(THING)
    for body in ({"count": 1}, {}):
        sample.put(THING, json=body, headers=mine)
    sample.put(THING, data=b"x", headers=mine)
    sample.put(THING, data=b"[]", content_type="application/json", headers=mine)
    sample.put(THING)
    for route in ("numbers/1", f"numbers/{2**31}", "broken", "divided", "stream"):
        sample.get(f"/api/v1/sample/{route}")
    for error in (GONE, REFUSED):
        monkeypatch.setattr(guards, "check", Raising(error))
        for method, path in itertools.product(("GET", "POST", "PUT"), (THINGS, THING)):
            sample.open(path, method=method, json={})


def test_every_outcome_is_as_documented(
    sample: ConformingClient, order: Send, sign_in: SignIn, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client fails on a status, media type, header, code or body that the document does not promise."""
    outcomes(sample, order, sign_in, monkeypatch)
    assert {status for name, status in document.seen if name == "sample.order_thing"} >= {201, 400, 401, 403, 409, 413, 415, 422, 429, 503}
    assert {status for name, status in document.seen if name == "sample.show_thing"} == {200, 401, 404, 429, 503}
    assert {status for name, status in document.seen if name == "sample.change_thing"} == {204, 400, 401, 415, 422, 429, 503}
    assert {status for name, status in document.seen if name == "sample.list_things"} == {200, 400, 422, 429, 503}
    assert {code for name, code in document.codes if name == "sample.order_thing"} >= {
        "sample.sold_out",
        "core.idempotency_key_missing",
        "core.idempotency_key_reused",
        "core.malformed_request",
        "core.invalid",
    }


def test_an_answer_that_is_not_documented_is_noticed(sample: ConformingClient, order: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check above can fail: a status, and a body, that nobody promised."""
    monkeypatch.setattr("app.core.errors.Invalid.status", 418)
    with pytest.raises(AssertionError, match="418, which is not documented"):
        order(json={})
    monkeypatch.undo()
    monkeypatch.setattr("app.core.errors.Invalid.code", "core.other")
    with pytest.raises(Exception, match=r"'core\.other' is not one of"):
        order(json={})
