"""/docs is served by us, all of it, under a policy that lets nothing else in."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

PAGES = ["/docs", "/docs/", "/docs/errors", "/docs/settings"]


@pytest.mark.parametrize("page", PAGES)
def test_everything_a_page_needs_comes_from_here(client: FlaskClient, page: str) -> None:
    """No host but ours, and each file is there."""
    answer = client.get(page)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "//" not in re.sub(r"<!doctype[^>]*>", "", answer.text)
    for link in re.findall(r'(?:src|href|data-document)="(/[^"#]*)"', answer.text):
        assert client.get(link, buffered=True).status_code == 200, link


@pytest.mark.parametrize("page", PAGES)
def test_no_script_is_written_into_a_page(client: FlaskClient, page: str) -> None:
    """The policy forbids it, and so none could be smuggled in."""
    answer = client.get(page)
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.findall(r"<script(?![^>]*\ssrc=)", answer.text)
    assert " onclick" not in answer.text


def test_only_the_files_that_pages_name_are_served(client: FlaskClient) -> None:
    """Nothing else of the package, and nothing beside it."""
    for name in ("VERSION", "swagger-ui.js", "index.html", "api.html", "..%2fdocs.css", "%2e%2e%2f__init__.py"):
        answer = client.get(f"/docs/assets/{name}")
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_files_may_be_cached_and_pages_not(client: FlaskClient) -> None:
    """A file is asked for once an hour."""
    assert client.get("/docs/assets/docs.css", buffered=True).headers["Cache-Control"] == "public, max-age=3600"
    assert client.get("/docs").headers["Cache-Control"] == "no-store"


def test_the_type_of_a_problem_leads_to_its_row(client: FlaskClient) -> None:
    """An anchor on /docs/errors."""
    page, anchor = str(client.get("/nothing").get_json(force=True)["type"]).split("#")
    assert f'id="{anchor}"' in client.get(page).text


def test_a_secret_s_value_is_never_on_a_page(client: FlaskClient) -> None:
    """Only what the setting is for."""
    text = client.get("/docs/settings").text
    assert "PLAYHALL_SECRET_KEYS" in text
    assert "development-only-secret" not in text
