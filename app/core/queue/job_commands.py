"""`flask worker`, `flask relay`, `flask scheduler`, and `flask jobs` for what went wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from app.core.jobs import CORE_JOBS
from app.core.models import JobRow
from app.core.queue import dead, relay, schedule, worker
from app.core.queue.choosing import chosen, each, told
from app.core.queue.event_commands import events_group

jobs_group = AppGroup("jobs", help="See jobs, and retry or discard the dead ones.")


def init_app(app: Flask) -> None:
    """Add the core's own jobs and the commands to the application."""
    app.extensions["playhall"].jobs.update({job.name: job for job in CORE_JOBS})
    for command in (worker_command, relay_command, scheduler_command, jobs_group, events_group):
        app.cli.add_command(command)


def this_app() -> Flask:
    """The application itself, not the proxy for it."""
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]


@click.command("worker")
@with_appcontext
def worker_command() -> None:
    """Run jobs until SIGTERM; the job that runs then is finished."""
    worker.work(this_app())


@click.command("relay")
@with_appcontext
def relay_command() -> None:
    """Turn events into jobs, and wake the workers for what was left."""
    relay.run(this_app())


@click.command("scheduler")
@with_appcontext
def scheduler_command() -> None:
    """Start the jobs that have a schedule."""
    schedule.run(this_app())


@jobs_group.command("list")
@click.option("--state", type=click.Choice(dead.STATES), default="dead", show_default=True, help="Only jobs in this state.")
@click.option("--name", help="Only jobs of this name.")
@click.option("--limit", default=50, show_default=True)
def list_jobs(state: str, name: str | None, limit: int) -> None:
    """List the dead jobs, or those in another state, the oldest first."""
    rows = dead.find(state, name=name, limit=limit)
    for row in rows:
        click.echo(f"{row.id}  {row.name}  attempt {row.attempt}  {row.created_at:%Y-%m-%dT%H:%M:%SZ}  {row.error or ''}")
    if not rows:
        click.echo(f"no job is {state}")


@jobs_group.command("show")
@click.argument("job", type=click.UUID)
@told
def show(job: UUID) -> None:
    """Show everything about one job."""
    row = dead.show(job)
    values = {column.key: getattr(row, column.key) for column in JobRow.__table__.columns}
    click.echo(json.dumps(values, indent=2, default=str, ensure_ascii=False))


@jobs_group.command("retry")
@click.argument("jobs", type=click.UUID, nargs=-1)
@click.option("--name", help="Every dead job of this name.")
@told
def retry(jobs: Sequence[UUID], name: str | None) -> None:
    """Run dead jobs again, with all their attempts."""
    each(chosen(jobs, name, dead.find), dead.retry, "ready again")


@jobs_group.command("discard")
@click.argument("jobs", type=click.UUID, nargs=-1)
@click.option("--name", help="Every dead job of this name.")
@told
def discard(jobs: Sequence[UUID], name: str | None) -> None:
    """Delete dead jobs for good."""
    each(chosen(jobs, name, dead.find), dead.discard, "discarded")
