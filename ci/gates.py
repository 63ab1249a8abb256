"""The table of gates, in the order in which they run: what is quick says no first."""

from __future__ import annotations

from .gate import Check, Gate, Need, Tier, Tool
from .tools import boundaries, coverage, deps, formatting, lint, secrets, tests, types

FAST, CHANGE, NIGHTLY = Tier
DATABASE, HISTORY, RELEASE, CHECKOUT = Need

GATES = (
    Gate("lint", "the code is free of known mistakes", FAST, Tool(lint.argv, lint.problems)),
    Gate("format", "the code is laid out as ruff lays it out", FAST, Tool(formatting.argv, formatting.problems)),
    Gate("types", "every type holds, strictly", FAST, Tool(types.argv, types.problems)),
    Gate("boundaries", "no package reaches into another's inside", FAST, Tool(boundaries.argv, boundaries.problems)),
    Gate("secrets", "no key or password in what a change adds", FAST, Tool(secrets.argv, secrets.problems)),
    Gate("deps", "what is imported is what the distribution requires", FAST, Tool(deps.argv, deps.problems)),
    Gate("docs", "documents name every setting, error and event, and their examples could run", FAST, Check("structure/test_docs.py")),
    Gate("heads", "each history is one line, and its HEAD file names the newest revision", FAST, Check("migrations/test_heads.py")),
    Gate("assertions", "every test asserts something", FAST, Check("testing/test_assertions.py")),
    Gate("revisions", "a revision file imports nothing that may change, and goes both ways", FAST, Check("migrations/test_revisions.py")),
    Gate("frozen", "a revision that was released never changes", FAST, Check("migrations/test_frozen.py"), (RELEASE,)),
    Gate("auth-matrix", "nobody reaches what is not theirs", CHANGE, Check("api/test_auth_matrix.py"), (DATABASE,)),
    Gate("rate-limit", "every method of every address is limited", CHANGE, Check("api/test_rate_limit.py"), (DATABASE,)),
    Gate("idempotency", "what spends or grants can be repeated", CHANGE, Check("api/test_idempotency.py"), (DATABASE,)),
    Gate("errors-documented", "every error is declared where it comes from", CHANGE, Check("api/test_errors_documented.py"), (DATABASE,)),
    Gate("n-plus-one", "a list takes no statement per row", CHANGE, Check("api/test_n_plus_one.py"), (DATABASE,)),
    Gate("openapi-true", "what is answered is what the document says", CHANGE, Check("api/test_openapi_true.py"), (DATABASE,)),
    Gate("openapi-compat", "no client that is out there breaks", CHANGE, Check("api/test_openapi_compat.py"), (HISTORY, DATABASE)),
    Gate("tests", "what is promised holds; warnings are errors", CHANGE, Tool(tests.argv, tests.problems, talks=True), (DATABASE,)),
    Gate(
        "coverage-total", "the whole is tested as well as before", CHANGE, Tool(coverage.read_argv, coverage.total), (HISTORY,), ("tests",)
    ),
    Gate(
        "coverage-plugin",
        "each plugin is tested as well as before",
        CHANGE,
        Tool(coverage.read_argv, coverage.plugins),
        (HISTORY,),
        ("tests",),
    ),
    Gate(
        "coverage-changed",
        "each changed line and branch is tested",
        CHANGE,
        Tool(coverage.changed_argv, coverage.changed),
        (HISTORY,),
        ("tests",),
    ),
    Gate(
        "stairway",
        "every revision up, down and up again leaves the exact same schema",
        CHANGE,
        Check("migrations/test_stairway.py"),
        (DATABASE,),
    ),
    Gate("stairway-data", "rows survive every revision, both ways", CHANGE, Check("migrations/test_stairway_data.py"), (DATABASE,)),
    Gate("drift", "the models make the schema that the revisions make", CHANGE, Check("migrations/test_drift.py"), (DATABASE,)),
    Gate("locks", "no revision makes anybody wait", CHANGE, Check("migrations/test_locks.py"), (DATABASE,)),
    Gate(
        "lifecycle",
        "a plugin comes and goes without a trace, alone and among all",
        CHANGE,
        Check("migrations/test_lifecycle.py"),
        (DATABASE,),
    ),
    Gate("ownership", "a branch touches only what carries its prefix", CHANGE, Check("migrations/test_ownership.py"), (DATABASE,)),
    Gate("test-first", "a changed test fails without the change", CHANGE, Check("testing/test_test_first.py"), (HISTORY, DATABASE)),
    Gate(
        "jobs", "every job that a crash cuts off and that is run again has one effect", CHANGE, Check("structure/test_jobs.py"), (DATABASE,)
    ),
    Gate("order", "tests pass in any order", NIGHTLY, Check("testing/test_order.py"), (DATABASE,)),
    Gate("mutation", "tests notice small changes of the code", NIGHTLY, Check("testing/test_mutation.py"), (DATABASE,)),
)

BY_ID = {gate.id: gate for gate in GATES}


def chosen(ids: list[str], tier: Tier) -> tuple[Gate, ...]:
    """The gates of these ids with what they read the results of; without ids, those of the tier and of the tiers before it."""
    tiers = list(Tier)[: list(Tier).index(tier) + 1]
    wanted = set(ids) or {gate.id for gate in GATES if gate.tier in tiers}
    for gate in reversed(GATES):
        wanted |= {*gate.after} if gate.id in wanted else set()
    return tuple(gate for gate in GATES if gate.id in wanted)


def beside_the_tests() -> list[str]:
    """The gates that a run of Playhall's tests does not hold: what needs history or a night, and the slower tools."""
    return [
        gate.id
        for gate in GATES
        if gate.tier is NIGHTLY or {HISTORY, RELEASE} & {*gate.needs} or (gate.tier is CHANGE and isinstance(gate.by, Tool))
    ]
