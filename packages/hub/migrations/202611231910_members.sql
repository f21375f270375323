-- Who takes part: entities, the SOCs that serve them, what they own, the groups they share in, their people and their keys.
create schema members;

create table members.kind (
  name           text primary key,
  label          text not null,
  default_level  text not null,     -- a level of module scoring
  -- Whose name a SOC run by such an entity carries: see the naming rule in the module's README. Null: runs none.
  runs_soc_as    text check (runs_soc_as in ('company', 'administration'))
);
insert into members.kind (name, label, default_level, runs_soc_as) values
  ('public',      'Public body',                         'public',   'administration'),
  ('provider',    'Company that serves public bodies',   'informed', 'company'),
  ('private_soc', 'Private SOC',                         'informed', 'company'),
  ('source',      'Source without a SOC',                'informed', null),
  ('liaison',     'Liaison with another community',      'guest',    null),
  ('guest',       'Guest',                               'guest',    null);

create table members.entity (
  id            uuid primary key,
  name          text not null,
  kind          text not null references members.kind (name),
  level         text not null,      -- set by module scoring, which keeps the dated history
  region        text,               -- ISO 3166-2, for example ES-MD
  critical      boolean not null default false,   -- hospital, emergency service: applied last
  suspended_at  timestamptz,
  created_at    timestamptz not null
);
create unique index entity_name on members.entity (lower(name));
create index entity_page on members.entity (name, id);

create table members.soc (
  id                  uuid primary key,
  name                text not null,
  operator_entity_id  uuid not null references members.entity (id),
  staff               text not null check (staff in ('own', 'contracted')),
  manager_name        text not null,
  manager_mail        text not null,
  created_at          timestamptz not null
);
create index soc_by_operator on members.soc (operator_entity_id);

-- One SOC at a time serves an entity. So "who speaks for it" has one answer, and two entities of one provider are one voice.
create table members.soc_serves (
  entity_id  uuid primary key references members.entity (id),
  soc_id     uuid not null references members.soc (id) on delete cascade,
  since      timestamptz not null
);
create index soc_serves_by_soc on members.soc_serves (soc_id);

create table members.asset (
  id           uuid primary key,
  entity_id    uuid not null references members.entity (id),
  kind         text not null check (kind in ('ip', 'net', 'domain', 'mail_domain')),
  value        text not null,       -- canonical
  note         text not null default '',
  declared_by  text not null,
  declared_at  timestamptz not null,
  unique (entity_id, kind, value)
);
create index asset_by_value on members.asset (kind, value);

create table members.sharing_group (
  id               uuid primary key,
  name             text not null,
  owner_entity_id  uuid not null references members.entity (id),
  created_at       timestamptz not null
);
-- Unique per owner: across owners a refusal would tell of groups that the caller is not in.
create unique index sharing_group_name on members.sharing_group (owner_entity_id, lower(name));

create table members.sharing_group_member (
  group_id   uuid not null references members.sharing_group (id) on delete cascade,
  entity_id  uuid not null references members.entity (id),
  primary key (group_id, entity_id)
);
create index sharing_group_member_by_entity on members.sharing_group_member (entity_id);

create table members.person (
  id           uuid primary key,
  entity_id    uuid not null references members.entity (id),
  name         text not null,
  mail         text not null unique,     -- canonical, see mail.ts
  roles        text[] not null check (cardinality(roles) between 1 and 6),
  disabled_at  timestamptz,
  created_at   timestamptz not null
);
create index person_by_entity on members.person (entity_id, name, id);

create table members.api_key (
  id             text primary key check (id ~ '^[a-z0-9]{16}$'),
  hash           bytea not null,         -- SHA-256 with a domain prefix: see credential.ts
  label          text not null,
  entity_id      uuid not null references members.entity (id),
  person_id      uuid references members.person (id),   -- null: a machine of the entity
  scopes         text[] not null,
  cidrs          text[] not null default '{}',          -- empty: from anywhere
  created_by     text not null,
  created_at     timestamptz not null,
  expires_at     timestamptz not null,
  revoked_at     timestamptz,
  replaced_by    text references members.api_key (id),
  last_used_at   timestamptz
);
create index api_key_by_entity on members.api_key (entity_id, created_at desc, id);
create index api_key_by_person on members.api_key (person_id) where person_id is not null;
