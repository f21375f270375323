-- The platform's own tables: who this hub is, its secrets, the log, and what is planned for which audience.
-- (the schema platform exists already: the bookkeeping of migrations lives there)
create schema bus;

create table platform.hub (
  one          boolean primary key default true check (one),
  id           uuid not null,
  name         text not null,
  -- Changes at every restore and promotion: a cursor of another incarnation is refused, never answered with "nothing new".
  incarnation  text not null,
  epoch        integer not null default 1,
  created_at   timestamptz not null default now()
);

-- Readable by the owner login only. Several hub processes share one database and so must share these.
create table platform.secret (
  name   text primary key,
  value  text not null
);

create table platform.setting (
  name        text primary key,
  value       jsonb not null,
  changed_at  timestamptz not null default now(),
  changed_by  text not null
);

-- Changes announce themselves here in their own transaction, without a lock and without a position.
create table bus.outbox (
  id       bigint generated always as identity primary key,
  urgent   boolean not null,
  topic    text not null,
  payload  jsonb not null,
  at       timestamptz not null default clock_timestamp()
);

-- Positions are dense and in commit order: the leader numbers what is visible, so no reader can skip an entry that commits late.
create table bus.entry (
  position  bigint primary key,
  topic     text not null,
  payload   jsonb not null,
  at        timestamptz not null,
  numbered_at timestamptz not null default clock_timestamp()
);
create table bus.head (
  one       boolean primary key default true check (one),
  position  bigint not null
);
insert into bus.head (position) values (0);

-- What could not be carried out, kept for the operator; nothing is dropped silently.
create table bus.failed (
  position  bigint primary key,
  topic     text not null,
  payload   jsonb not null,
  error     text not null,
  at        timestamptz not null default now()
);

-- "This goes to that lane of that shelf then." Written when the entry is numbered, carried out by the leader, deleted when done or cancelled.
create table bus.plan (
  id       bigint generated always as identity primary key,
  shelf    text not null,
  lane     text not null,
  topic    text not null,
  key      text not null,
  due_at   timestamptz not null,
  payload  jsonb not null,
  arrived_at timestamptz not null
);
create index plan_by_due on bus.plan (due_at, id);
create index plan_by_key on bus.plan (topic, key);
