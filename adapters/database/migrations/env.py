"""What Alembic runs: the migrations, on the connection and in the transaction it was handed."""

from __future__ import annotations

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import text

_FIRST_PROMISE = "0008"


def keep_promises(
    ctx: MigrationContext,
    step: MigrationInfo,
    heads: object,
    run_args: object,
) -> None:
    """Write down with which older workers the schema goes on working: they cannot know it."""
    revision, connection = step.up_revision_id, ctx.connection
    if revision is None or connection is None or revision < _FIRST_PROMISE:
        return
    if step.is_upgrade:
        works_with = context.script.get_revision(revision).module.works_with
        insert = text("insert into schema_promises values (:revision, :works_with)")
        connection.execute(insert, {"revision": revision, "works_with": works_with})
    elif revision > _FIRST_PROMISE:
        delete = text("delete from schema_promises where revision = :revision")
        connection.execute(delete, {"revision": revision})


context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=False,
    render_as_batch=True,  # SQLite cannot alter a table in place
    on_version_apply=keep_promises,
)
context.run_migrations()
