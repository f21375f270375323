-- The trail: who did what, when, from where. Writers put a row into the inbox in the transaction that does it, without a lock and without
-- a place in the chain; the leader moves committed rows into the chain. So no writer waits for another one, and the chain has no gaps.
create schema trail;

create table trail.inbox (
  id          bigint generated always as identity primary key,
  at          timestamptz not null,
  actor_kind  text not null,
  actor_id    text not null,
  actor_label text not null,
  entity_id   text not null,
  person_id   text,
  origin      text,                 -- remote address
  request_id  text,
  action      text not null,
  target      text not null,
  detail      text not null         -- canonical JSON: the very bytes that are hashed
);

-- seq is dense from 1. `hash` covers every other column including seq and prev_hash, so a changed, missing, added or moved row shows.
create table trail.entry (
  seq         bigint primary key,
  at          timestamptz not null,
  actor_kind  text not null,
  actor_id    text not null,
  actor_label text not null,
  entity_id   text not null,
  person_id   text,
  origin      text,
  request_id  text,
  action      text not null,
  target      text not null,
  detail      text not null,
  prev_hash   text not null check (prev_hash ~ '^[0-9a-f]{64}$'),
  hash        text not null check (hash ~ '^[0-9a-f]{64}$')
);
create index entry_by_target on trail.entry (target, seq desc);
create index entry_by_actor on trail.entry (actor_id, seq desc);
create index entry_by_entity on trail.entry (entity_id, seq desc);

-- A signed statement "the chain ended here then". Without them the end of the chain could be cut off unnoticed.
create table trail.checkpoint (
  seq         bigint primary key,
  body        text not null,        -- the signed text, as it was signed
  key_id      text not null,
  sig         text not null
);
