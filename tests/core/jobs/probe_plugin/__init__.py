"""A plugin whose jobs do what a test needs: leave an effect, fail, or take their process with them."""

from __future__ import annotations

from playhall import Job, Plugin, Subscription

plugin = Plugin(
    name="probe",
    version="1.0.0",
    events=["probe_plugin.api:Seen"],
    jobs=[
        Job(name="probe.act", run="probe_plugin.jobs:act"),
        Job(name="probe.slow", run="probe_plugin.jobs:slow"),
        Job(name="probe.doze", run="probe_plugin.jobs:doze"),
        Job(name="probe.boom", run="probe_plugin.jobs:boom", retries=1),
        Job(name="probe.flaky", run="probe_plugin.jobs:flaky", retries=2),
        Job(name="probe.exit", run="probe_plugin.jobs:leave", retries=0),
        Job(name="probe.segfault", run="probe_plugin.jobs:segfault", retries=0),
        Job(name="probe.hang", run="probe_plugin.jobs:hang", retries=0),
        Job(name="probe.spin", run="probe_plugin.jobs:spin", retries=0),
        Job(name="probe.hog", run="probe_plugin.jobs:hog", retries=0),
        Job(name="probe.chain", run="probe_plugin.jobs:chain"),
        Job(name="probe.seen", run="probe_plugin.jobs:on_seen"),
        Job(name="probe.seen_too", run="probe_plugin.jobs:on_seen_too"),
    ],
    subscriptions=[
        Subscription(event="probe.seen.v1", job="probe.seen"),
        Subscription(event="probe.seen.v1", job="probe.seen_too"),
    ],
)
