"""The migration environment of every branch; app/core/migrations.py runs it once per branch."""

from typing import Any, cast

from alembic import context
from alembic.runtime.migration import MigrationInfo
from alembic.script import Script

from app.core.db import Base
from app.core.migrating.branches import Branch
from app.core.migrating.revisions import applied, bound

branch: Branch = context.config.attributes["branch"]


def own(name: str | None, kind: str, _parents: object) -> bool:
    """Reflect this branch's tables only: a neighbour's would be proposed for removal."""
    return kind != "table" or branch.owns(name or "")


def own_declared(_item: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    """Compare this branch's models only: what is hidden above and declared by a neighbour would be created again."""
    return kind != "table" or branch.owns(name or "")


def tell(*, step: MigrationInfo, **_rest: Any) -> None:
    """Say what was done."""
    if isinstance(step.up_revision, Script) and step.is_migration:
        context.config.attributes["say"](applied(step.up_revision, up=step.is_upgrade))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=branch.version_table,
    transaction_per_migration=True,
    include_name=own,
    include_object=own_declared,
    on_version_apply=cast("Any", tell),  # called with keywords, declared without
    compare_type=True,
    compare_server_default=True,
    autogenerate_plugins=["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
)
bound(context.get_context())
with context.begin_transaction():
    context.run_migrations()
