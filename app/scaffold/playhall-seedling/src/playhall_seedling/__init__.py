"""Seedling: tickets for every account."""

from playhall import Job, Permission, Plugin, Subscription

plugin = Plugin(
    name="seedling",
    version="0.1.0",
    requires={"auth": ">=0.1,<1"},
    settings="playhall_seedling.settings:SeedlingSettings",
    models="playhall_seedling.models",
    migrations="playhall_seedling.migrations",
    blueprints=["playhall_seedling.http:blueprint"],
    events=["playhall_seedling.api:TicketTaken"],
    permissions=[Permission(name="seedling:take", description="Take tickets, and see one's own", roles=("player",))],
    limits={"seedling.take": "60/minute", "seedling.read": "300/minute"},
    jobs=[Job(name="seedling.print_ticket", run="playhall_seedling.jobs:print_ticket")],
    subscriptions=[Subscription(event="seedling.ticket_taken.v1", job="seedling.print_ticket")],
)
