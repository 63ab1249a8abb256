"""`flask events` for what Kafka refused."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import click
from flask.cli import AppGroup

from app.core.queue import refused
from app.core.queue.choosing import chosen, each, told

events_group = AppGroup("events", help="See the events that Kafka refused, and retry or discard them.")


@events_group.command("list")
@click.option("--name", help="Only events of this name.")
@click.option("--limit", default=50, show_default=True)
def list_events(name: str | None, limit: int) -> None:
    """List the events that Kafka refused, the oldest first."""
    rows = refused.find(name=name, limit=limit)
    for row in rows:
        click.echo(f"{row.id}  {row.name}  {row.created_at:%Y-%m-%dT%H:%M:%SZ}  {row.kafka_error}")
    if not rows:
        click.echo("Kafka has refused no event")


@events_group.command("retry")
@click.argument("events", type=click.UUID, nargs=-1)
@click.option("--name", help="Every refused event of this name.")
@told
def retry(events: Sequence[UUID], name: str | None) -> None:
    """Send refused events again.

    One that was too large needs a larger message.max.bytes first: of the topic, and in PLAYHALL_KAFKA_OPTIONS.
    """
    each(chosen(events, name, refused.find), refused.retry, "will be sent again")


@events_group.command("discard")
@click.argument("events", type=click.UUID, nargs=-1)
@click.option("--name", help="Every refused event of this name.")
@told
def discard(events: Sequence[UUID], name: str | None) -> None:
    """Delete refused events for good. Their jobs were made all the same."""
    each(chosen(events, name, refused.find), refused.discard, "discarded")
