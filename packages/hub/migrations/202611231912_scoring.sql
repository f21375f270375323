-- Levels: who reads which shelf, and when. A change of the policy is a new version; nothing is edited.
create schema scoring;

create table scoring.policy (
  version     integer primary key,
  valid_from  timestamptz not null,
  set_by      text not null,
  reason      text not null
);
create table scoring.level (
  version           integer not null references scoring.policy (version),
  id                text not null,
  name              text not null,
  shelf             text not null,
  delay_ms          bigint not null check (delay_ms >= 0),
  on_consolidation  boolean not null,     -- consolidated items need not wait any longer
  max_tlp           text not null check (max_tlp in ('clear', 'green', 'amber', 'amber+strict', 'red')),
  primary key (version, id)
);

-- Every level ever given, with its reason. The newest row of an entity equals the level stored with the entity.
create table scoring.assignment (
  id          uuid primary key,
  entity_id   uuid not null,              -- belongs to members: no foreign key across modules
  level       text not null,
  previous    text not null,
  reason      text not null,
  set_by      text not null,
  set_at      timestamptz not null
);
create index assignment_by_entity on scoring.assignment (entity_id, set_at desc);

insert into scoring.policy (version, valid_from, set_by, reason) values (1, now(), 'system', 'Defaults of this release');
insert into scoring.level (version, id, name, shelf, delay_ms, on_consolidation, max_tlp) values
  (1, 'public',   'Public body', 'immediate', 0,        false, 'amber+strict'),
  (1, 'gold',     'Gold',        'immediate', 0,        false, 'amber+strict'),
  (1, 'informed', 'Informed',    'informed',  86400000, true,  'amber+strict'),
  (1, 'guest',    'Guest',       'guest',     86400000, false, 'green');
