"""The answers of an operation, in the OpenAPI document: security, headers, and every error with its codes."""

from __future__ import annotations

from typing import Any


def document_operation(doc: dict[str, Any], doc_info: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Add what the operation record promises to the documentation of a route."""
    return doc
