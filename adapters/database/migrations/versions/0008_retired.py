"""Ids of commands outlive what was answered to them, and rows whose time is over can be found.

The first of three: on PostgreSQL `outcomes` becomes one partition of a table of its name without a
long lock (decision 118). Here it promises to hold nothing from the next partition's time.
"""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"
works_with = "0007"

# Without rows nobody is at work: partitions begin at once. Else two months are time enough for the
# next two migrations, and for workers of the older version to be gone before the first is full.
# Locked before it is looked at: the first row ever would break the promise behind our back, and
# then neither could 0009 see it kept nor a worker write.
_BOUND: Final = """
    do $$
    declare
        bound timestamptz := date_trunc('month', now() at time zone 'UTC') at time zone 'UTC';
    begin
        lock table outcomes in access exclusive mode;
        if exists (select 1 from outcomes) then
            bound := (date_trunc('month', now() at time zone 'UTC') + interval '2 months')
                at time zone 'UTC';
        end if;
        execute format(
            'alter table outcomes add constraint outcomes_until check (recorded_at < %L) not valid',
            bound
        );
    end $$
"""


# Without journal and outcome: somebody dropped the partition and did not have the ids moved out.
_ONLY_IDS: Final = """
    select row_id from retired_commands
    union all
    select row_id from commands
    where not exists (select 1 from journal where journal.row_id = commands.row_id)
    and not exists (select 1 from outcomes where outcomes.row_id = commands.row_id)
    limit 1
"""


def upgrade() -> None:
    """No table is read as a whole but `undo` and `guest_keys`.

    Where those are large, build their indexes beforehand with `create index concurrently`, under
    these names.
    """
    is_postgresql = op.get_context().dialect.name == "postgresql"
    id_ = "uuid" if is_postgresql else "text"
    if is_postgresql:
        op.execute("set local lock_timeout = '5s'")  # who cannot be had quickly is asked again
    op.execute(
        f"create table retired_commands (row_id {id_} not null primary key, content {id_} not null)"
    )
    op.execute(
        "create table schema_promises"
        " (revision text not null primary key, works_with text not null)"
    )
    op.execute("create index if not exists undo_by_end on undo (done_at) where done_at is not null")
    op.execute(
        "create index if not exists guest_keys_by_erasure on guest_keys (erased_at)"
        " where erased_at is not null"
    )
    if is_postgresql:
        op.execute(_BOUND)
    else:
        op.execute("create index outcomes_by_time on outcomes (recorded_at)")


def downgrade() -> None:
    """Refused once ids are all that is left of commands: an older worker would do them again."""
    if op.get_bind().execute(text(_ONLY_IDS)).first():
        raise RuntimeError("an older worker would do commands again of which only ids are left")
    if op.get_context().dialect.name == "postgresql":
        op.execute("alter table outcomes drop constraint outcomes_until")
    else:
        op.execute("drop index outcomes_by_time")
    op.execute("drop index guest_keys_by_erasure")
    op.execute("drop index undo_by_end")
    op.execute("drop table schema_promises")
    op.execute("drop table retired_commands")
