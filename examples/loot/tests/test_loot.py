"""What loot promises."""

from playhall_loot.api import ChestOpened
from playhall_loot.settings import LootSettings

from playhall.testing import AsAccount, Client, Clock, CountQueries, Events, Jobs, OverrideSettings

CHESTS = "/api/v1/loot/chests"
TALLIES = "/api/v1/loot/tallies"


def test_chest_is_opened_once_for_a_key(as_account: AsAccount, events: Events) -> None:
    """The same key gives the same chest, and one event."""
    me = as_account()
    chest = me.post(CHESTS, key="one").json
    assert me.post(CHESTS, key="one").json == chest
    assert [event.found for event in events(ChestOpened)] == [chest["found"]]


def test_every_chest_is_counted(as_account: AsAccount, jobs: Jobs, client: Client) -> None:
    """By the job that the event causes."""
    me = as_account()
    for _ in range(2):
        me.post(CHESTS)
    assert jobs.run() == ["loot.tally", "loot.tally"]
    assert sum(tally["times"] for tally in client.get(TALLIES).json["items"]) == 2


def test_chests_of_a_day_run_out_and_come_back(as_account: AsAccount, settings: OverrideSettings, clock: Clock) -> None:
    """Tomorrow there is another."""
    settings(LootSettings, chests_per_day=1)
    me = as_account()
    assert me.post(CHESTS).status_code == 201
    assert me.post(CHESTS).problem["code"] == "loot.no_chest_left"
    clock.move(days=1)
    assert me.sign_in_again().post(CHESTS).status_code == 201


def test_list_takes_no_statement_more_for_more_chests(as_account: AsAccount, count_queries: CountQueries) -> None:
    """One reads the page."""
    me = as_account()
    for _ in range(3):
        me.post(CHESTS)
    me.get(CHESTS)  # after which the session is known to live
    with count_queries(at_most=1):
        assert len(me.get(CHESTS).json["items"]) == 3
