"""On PostgreSQL outcomes lie in partitions by time, made ahead and dropped as a whole.

The table of before is the first of them; every partition has a primary key of its own, as none over
all of them is possible without the time. That a command ends once is seen by its journal.

Workers may own no table, and yet make and drop partitions: by functions that do it for them, and
nothing else (decision 119).
"""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0009"
works_with = "0007"

_BOUND: Final = """
    select (regexp_match(pg_get_constraintdef(oid), '''([^'']+)'''))[1]
    from pg_constraint where conname = 'outcomes_until' and conrelid = 'outcomes'::regclass
"""
# Whoever may do something with the table of before may do it with the one that takes its place.
_SAME_RIGHTS: Final = """
    do $$
    declare
        given record;
    begin
        for given in
            select a.privilege_type as what, a.grantee as who
            from pg_class as c, aclexplode(c.relacl) as a
            where c.oid = '{old}'::regclass and a.grantee not in (0, c.relowner)
        loop
            execute format(
                'grant %s on {new} to %I', given.what, pg_get_userbyid(given.who)
            );
        end loop;
    end $$
"""
_PROMISE_AGAIN: Final = """
    do $$
    begin
        execute format(
            'alter table outcomes add constraint outcomes_until check (recorded_at < %L)',
            (date_trunc('month', now() at time zone 'UTC') + interval '2 months')
                at time zone 'UTC'
        );
    end $$
"""
_FUNCTIONS: Final = (
    """
    create function retention_partitions()
    returns table (name text, since timestamptz, until timestamptz)
    language sql stable security definer set search_path = {schema}, pg_temp as $$
        select
            cast(c.relname as text),
            cast((regexp_match(b.bound, 'FROM \\(''([^'']+)''\\)'))[1] as timestamptz),
            cast((regexp_match(b.bound, 'TO \\(''([^'']+)''\\)'))[1] as timestamptz)
        from pg_inherits as i
        join pg_class as c on c.oid = i.inhrelid
        cross join lateral (select pg_get_expr(c.relpartbound, c.oid) as bound) as b
        where i.inhparent = cast('outcomes' as regclass)
    $$
    """,
    # Attached and not created in place: that would lock the whole table against everybody. Rows
    # that came into the default partition stay there, and their period has no partition then.
    """
    create function retention_make_ahead(unit text, ahead interval) returns timestamptz
    language plpgsql security definer set search_path = {schema}, pg_temp as $$
    declare
        since_ timestamptz;
        until_ timestamptz;
        made text;
    begin
        if unit not in ('day', 'month') then
            raise exception 'expected day or month, got %', unit;
        end if;
        select max(p.until) into since_ from retention_partitions() as p;
        if not pg_try_advisory_xact_lock(hashtext('booking retention')) then
            return since_;
        end if;
        perform set_config('lock_timeout', '200', true);
        since_ := greatest(
            since_, date_trunc(unit, now() at time zone 'UTC') at time zone 'UTC'
        );
        while since_ < now() + least(ahead, interval '1 year') loop
            until_ := (
                date_trunc(unit, since_ at time zone 'UTC') + cast('1 ' || unit as interval)
            ) at time zone 'UTC';
            made := 'outcomes_' || to_char(since_ at time zone 'UTC', 'YYYYMMDD');
            begin
                execute format('create table %I (like outcomes, primary key (row_id))', made);
                execute format(
                    'alter table outcomes attach partition %I for values from (%L) to (%L)',
                    made, since_, until_
                );
            exception
                when lock_not_available or deadlock_detected then
                    exit;
                when check_violation or duplicate_table then
                    null;
            end;
            since_ := until_;
        end loop;
        return (select max(p.until) from retention_partitions() as p);
    end $$
    """,
    # Bounded here: who can call it can do no harm to what is younger than a day.
    """
    create function retention_drop(partition_ text) returns boolean
    language plpgsql security definer set search_path = {schema}, pg_temp as $$
    begin
        if not exists (
            select 1 from retention_partitions() as p
            where p.name = partition_ and p.until < now() - interval '1 day'
        ) then
            raise exception '% is no partition whose time is over', partition_;
        end if;
        perform set_config('lock_timeout', '200', true);
        execute format('drop table %I', partition_);
        return true;
    exception
        when lock_not_available or deadlock_detected then
            return false;
    end $$
    """,
)
_OUTSIDE: Final = """
    create function retention_take_outside(before_ timestamptz, most integer)
    returns table (row_id uuid)
    language sql volatile security definer set search_path = {schema}, pg_temp as $$
        delete from outcomes_default as d
        where d.row_id in (
            select o.row_id from outcomes_default as o
            where o.recorded_at < least(before_, now() - interval '1 day')
            order by o.recorded_at limit most
        )
        returning d.row_id
    $$
"""
# Rows go from these at night; what they leave shall be used before the table has grown by a fifth.
_GIVEN_BACK: Final = ("commands", "idempotency_keys", "bookings", "booking_history")
_NAMES: Final = (
    "retention_partitions()",
    "retention_make_ahead(text, interval)",
    "retention_drop(text)",
    "retention_take_outside(timestamptz, integer)",
)


def upgrade() -> None:
    """Short locks alone: nothing is read and nothing is moved."""
    if op.get_context().dialect.name != "postgresql":
        return
    found = op.get_bind()
    bound = found.execute(text(_BOUND)).scalar_one()
    schema = found.execute(text("select quote_ident(current_schema())")).scalar_one()
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table outcomes rename to outcomes_before")
    op.execute("alter index outcomes_pkey rename to outcomes_before_pkey")
    op.execute("alter table outcomes_before drop constraint outcomes_row_id_fkey")
    op.execute("create table outcomes (like outcomes_before) partition by range (recorded_at)")
    op.execute(
        "alter table outcomes attach partition outcomes_before"
        f" for values from (minvalue) to ('{bound}')"
    )
    op.execute("alter table outcomes_before drop constraint outcomes_until")
    op.execute("create table outcomes_default (like outcomes, primary key (row_id))")
    op.execute("create index outcomes_default_by_time on outcomes_default (recorded_at)")
    op.execute("alter table outcomes attach partition outcomes_default default")
    op.execute(_SAME_RIGHTS.format(old="outcomes_before", new="outcomes"))
    for function in (*_FUNCTIONS, _OUTSIDE):
        op.execute(function.format(schema=schema))
    for name in _NAMES:
        op.execute(f"revoke execute on function {name} from public")
    op.execute("select retention_make_ahead('month', interval '3 months')")
    for table in _GIVEN_BACK:
        op.execute(f"alter table {table} set (autovacuum_vacuum_scale_factor = 0.05)")


def downgrade() -> None:
    """All rows into one table again, while no worker is at work."""
    if op.get_context().dialect.name != "postgresql":
        return
    for table in _GIVEN_BACK:
        op.execute(f"alter table {table} reset (autovacuum_vacuum_scale_factor)")
    for name in _NAMES:
        op.execute(f"drop function {name}")
    op.execute("alter table outcomes rename to outcomes_by_time")
    op.execute("create table outcomes (like outcomes_by_time)")
    op.execute("insert into outcomes select * from outcomes_by_time")
    op.execute(_SAME_RIGHTS.format(old="outcomes_by_time", new="outcomes"))
    op.execute("drop table outcomes_by_time")
    op.execute("alter table outcomes add constraint outcomes_pkey primary key (row_id)")
    op.execute(
        "alter table outcomes add constraint outcomes_row_id_fkey"
        " foreign key (row_id) references commands (row_id)"
    )
    op.execute(_PROMISE_AGAIN)
