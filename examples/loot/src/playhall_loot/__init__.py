"""Loot: a daily chest for every account."""

from playhall import Job, Permission, Plugin, Subscription

plugin = Plugin(
    name="loot",
    version="1.0.0",
    requires={"auth": ">=0.1,<1"},
    settings="playhall_loot.settings:LootSettings",
    models="playhall_loot.models",
    migrations="playhall_loot.migrations",
    blueprints=["playhall_loot.http:blueprint"],
    events=["playhall_loot.api:ChestOpened"],
    permissions=[Permission(name="loot:open", description="Open chests", roles=("player",))],
    limits={"loot.open": "60/minute", "loot.read": "300/minute"},
    jobs=[Job(name="loot.tally", run="playhall_loot.jobs:tally")],
    subscriptions=[Subscription(event="loot.chest_opened.v1", job="loot.tally")],
)
