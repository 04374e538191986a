"""The tables of the store of alerts."""

SCHEMA = (
    """create table incidents (
        id integer primary key autoincrement,
        project text not null,
        key text not null,
        kind text not null,
        severity text not null,
        title text not null,
        detail text not null,
        partition text,
        asset text,
        run_id text,
        report text,
        state text not null check (state in ('waiting', 'open', 'resolved')),
        opened_at real not null,
        resolved_at real,
        sent_at real not null
    )""",
    "create unique index one_active on incidents (project, key) where state <> 'resolved'",
    "create index by_key on incidents (project, key)",
    """create table deliveries (
        id integer primary key autoincrement,
        incident integer not null,
        project text not null,
        channel text not null,
        target text not null,
        occasion text not null,
        severity text not null,
        state text not null default 'due'
            check (state in ('due', 'sending', 'sent', 'failed', 'dropped')),
        attempts integer not null default 0,
        interrupted integer not null default 0,
        created_at real not null,
        tried_at real,
        next_at real not null default 0,
        sent_at real,
        error text not null default ''
    )""",
    "create index by_incident on deliveries (incident)",
    "create index by_state on deliveries (project, state)",
    """create table evaluations (
        project text not null,
        asset text not null,
        name text not null,
        partition text not null,
        number integer not null,
        passed integer not null,
        blocking integer not null,
        severity text not null,
        detail text not null,
        run_id text,
        primary key (project, asset, name, partition)
    )""",
    """create table positions (
        project text not null,
        name text not null,
        value text not null,
        primary key (project, name)
    )""",
    "pragma user_version = 1",
)
"""Statements that create them. `evaluations` has the last result of each check and partition that failed, or
that is the newest; `positions` how far a project's events were read."""
