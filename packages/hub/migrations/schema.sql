-- Made by npm run docs from the code. Not to be edited.
-- Read from the catalogue of PostgreSQL 18 after all migrations. The shelves of all audiences look like shelf_immediate.

create schema bus;

create table bus.entry (
  "position" bigint not null,
  topic text not null,
  payload jsonb not null,
  at timestamp with time zone not null,
  numbered_at timestamp with time zone not null default clock_timestamp(),
  constraint entry_pkey PRIMARY KEY ("position")
);

create table bus.failed (
  "position" bigint not null,
  topic text not null,
  payload jsonb not null,
  error text not null,
  at timestamp with time zone not null default now(),
  constraint failed_pkey PRIMARY KEY ("position")
);

create table bus.head (
  one boolean not null default true,
  "position" bigint not null,
  constraint head_pkey PRIMARY KEY (one),
  constraint head_one_check CHECK (one)
);

create table bus.outbox (
  id bigint not null generated always as identity,
  urgent boolean not null,
  topic text not null,
  payload jsonb not null,
  at timestamp with time zone not null default clock_timestamp(),
  constraint outbox_pkey PRIMARY KEY (id)
);

create table bus.plan (
  id bigint not null generated always as identity,
  shelf text not null,
  lane text not null,
  topic text not null,
  key text not null,
  due_at timestamp with time zone not null,
  payload jsonb not null,
  arrived_at timestamp with time zone not null,
  constraint plan_pkey PRIMARY KEY (id)
);
CREATE INDEX plan_by_due ON bus.plan USING btree (due_at, id);
CREATE INDEX plan_by_key ON bus.plan USING btree (topic, key);

create schema decisions;

create table decisions.alarm (
  control_id uuid not null,
  code text not null,
  detail text not null,
  count bigint not null,
  first_at timestamp with time zone not null,
  last_at timestamp with time zone not null,
  constraint alarm_pkey PRIMARY KEY (control_id, code),
  constraint alarm_control_id_fkey FOREIGN KEY (control_id) REFERENCES decisions.control(id)
);

create table decisions.channel (
  num integer not null generated always as identity,
  name text not null,
  constraint channel_pkey PRIMARY KEY (num),
  constraint channel_name_key UNIQUE (name)
);

create table decisions.control (
  id uuid not null,
  num integer not null generated always as identity,
  entity_id uuid not null,
  name text not null,
  target text not null,
  feed text not null,
  kinds smallint[] not null,
  min_confidence smallint not null,
  capacity integer not null,
  allow jsonb not null default '[]'::jsonb,
  delay_ms integer,
  order_version bigint not null default 0,
  order_body text,
  order_key_id text,
  order_sig text,
  order_expires timestamp with time zone,
  channels text[] not null default '{}'::text[],
  past_channels text[] not null default '{}'::text[],
  key_hash text,
  agent text,
  created_at timestamp with time zone not null,
  created_by text not null,
  enrolled_at timestamp with time zone,
  revoked_at timestamp with time zone,
  changed_at timestamp with time zone not null default clock_timestamp(),
  constraint control_pkey PRIMARY KEY (id),
  constraint control_capacity_check CHECK ((capacity > 0)),
  constraint control_delay_ms_check CHECK ((delay_ms >= 0)),
  constraint control_feed_check CHECK ((feed = ANY (ARRAY['agent'::text, 'list'::text]))),
  constraint control_min_confidence_check CHECK (((min_confidence >= 0) AND (min_confidence <= 100))),
  constraint control_num_key UNIQUE (num)
);
CREATE INDEX control_by_change ON decisions.control USING btree (changed_at);
CREATE INDEX control_by_entity ON decisions.control USING btree (entity_id, name, id);

create table decisions.enrol_token (
  id text not null,
  control_id uuid not null,
  secret_hash text not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  constraint enrol_token_pkey PRIMARY KEY (id),
  constraint enrol_token_control_id_fkey FOREIGN KEY (control_id) REFERENCES decisions.control(id)
);

create table decisions.halt (
  one boolean not null default true,
  on_ boolean not null,
  at timestamp with time zone not null,
  by_ text not null,
  reason text not null,
  constraint halt_pkey PRIMARY KEY (one),
  constraint halt_one_check CHECK (one)
);

create table decisions.lift (
  id uuid not null,
  entity_id uuid not null,
  vkey uuid not null,
  kind smallint not null,
  value text not null,
  reason text not null,
  false_positive boolean not null,
  lifted_at timestamp with time zone not null,
  lifted_by text not null,
  until timestamp with time zone,
  ended_at timestamp with time zone,
  constraint lift_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX lift_in_force ON decisions.lift USING btree (entity_id, vkey) WHERE (ended_at IS NULL);
CREATE INDEX lift_to_confirm ON decisions.lift USING btree (lifted_at) WHERE (false_positive AND (ended_at IS NULL));

create table decisions.policy (
  version integer not null,
  valid_from timestamp with time zone not null,
  set_by text not null,
  reason text not null,
  policy jsonb not null,
  constraint policy_pkey PRIMARY KEY (version)
);

create table decisions.receipt (
  decision_id uuid not null,
  control_num integer not null,
  channel_num integer not null,
  state smallint not null,
  version bigint not null,
  received_at timestamp with time zone not null,
  said_at timestamp with time zone not null,
  ms integer,
  lane_ms integer,
  counts boolean not null,
  reason text,
  constraint receipt_pkey PRIMARY KEY (decision_id, control_num, state, channel_num, version)
);
CREATE INDEX receipt_by_control ON decisions.receipt USING btree (control_num, received_at DESC);
CREATE INDEX receipt_by_time ON decisions.receipt USING btree (received_at) WHERE counts;

create table decisions.report (
  control_id uuid not null,
  seen_at timestamp with time zone not null,
  reported_at timestamp with time zone,
  versions jsonb,
  wanted_count integer,
  wanted_digest text,
  loaded_count integer,
  loaded_digest text,
  drift_repaired bigint,
  alarms jsonb,
  constraint report_pkey PRIMARY KEY (control_id),
  constraint report_control_id_fkey FOREIGN KEY (control_id) REFERENCES decisions.control(id)
) with (fillfactor=60);

create table decisions.ruling (
  vkey uuid not null,
  kind smallint not null,
  value text not null,
  ruling text,
  ruled_at timestamp with time zone not null,
  ruled_by text not null,
  reason text not null,
  constraint ruling_pkey PRIMARY KEY (vkey)
);

create table decisions.toque_due (
  channel_num integer not null,
  decision_id uuid not null,
  constraint toque_due_pkey PRIMARY KEY (channel_num, decision_id)
);

create schema guard;

create table guard.pace (
  source uuid not null,
  hour timestamp with time zone not null,
  blocks bigint not null,
  constraint pace_pkey PRIMARY KEY (source, hour)
);
CREATE INDEX pace_by_hour ON guard.pace USING btree (hour);

create table guard.release (
  id uuid not null,
  kind text not null,
  value text not null,
  rule text not null,
  reason text not null,
  requested_by text not null,
  requested_person uuid not null,
  requested_at timestamp with time zone not null,
  answer_by timestamp with time zone not null,
  until timestamp with time zone not null,
  state text not null,
  approved_person uuid,
  approved_at timestamp with time zone,
  ended_person uuid,
  ended_at timestamp with time zone,
  constraint release_pkey PRIMARY KEY (id),
  constraint release_approved CHECK (((state = 'approved'::text) <= ((approved_person IS NOT NULL) AND (approved_at IS NOT NULL)))),
  constraint release_state_check CHECK ((state = ANY (ARRAY['open'::text, 'approved'::text, 'ended'::text]))),
  constraint release_two_people CHECK (((approved_person IS NULL) OR (approved_person <> requested_person)))
);
CREATE INDEX release_by_state ON guard.release USING btree (state, requested_at DESC);
CREATE UNIQUE INDEX release_one_open ON guard.release USING btree (kind, value) WHERE (state = 'open'::text);

create table guard.version (
  one boolean not null default true,
  n bigint not null,
  constraint version_pkey PRIMARY KEY (one),
  constraint version_one_check CHECK (one)
);

create table guard.warning_list (
  id uuid not null,
  name text not null,
  description text not null,
  version bigint not null,
  type text not null,
  kinds text[] not null,
  category text not null,
  beneath boolean not null,
  enabled boolean not null,
  source text,
  entries bytea not null,
  entry_count integer not null,
  unreadable integer not null,
  sha256 text not null,
  imported_by text not null,
  imported_at timestamp with time zone not null,
  problem text,
  problem_at timestamp with time zone,
  constraint warning_list_pkey PRIMARY KEY (id),
  constraint warning_list_category_check CHECK ((category = ANY (ARRAY['false_positive'::text, 'known'::text]))),
  constraint warning_list_entry_count_check CHECK ((entry_count > 0)),
  constraint warning_list_type_check CHECK ((type = ANY (ARRAY['string'::text, 'substring'::text, 'hostname'::text, 'cidr'::text, 'regex'::text]))),
  constraint warning_list_name_key UNIQUE (name)
);

create schema intel;

create table intel.attachment (
  id uuid not null,
  event_id uuid not null,
  attribute_id uuid,
  own_only boolean not null,
  chunk integer not null default 0,
  name text not null,
  bytes bigint not null,
  sha256 text not null,
  malware boolean not null,
  constraint attachment_pkey PRIMARY KEY (id),
  constraint attachment_sha256_fkey FOREIGN KEY (sha256) REFERENCES intel.blob(sha256)
);
CREATE INDEX attachment_by_event ON intel.attachment USING btree (event_id);

create table intel.attribute (
  id uuid not null,
  event_id uuid not null,
  vkey uuid not null,
  vkey2 uuid,
  object_id uuid,
  first_seen timestamp with time zone,
  last_seen timestamp with time zone,
  "timestamp" bigint not null,
  chunk integer not null,
  revision integer,
  kind smallint not null,
  state text not null,
  to_ids boolean not null,
  blockable boolean not null,
  own_only boolean not null,
  type text not null,
  value text not null,
  canonical text,
  category text,
  relation text,
  comment text,
  rule text,
  reason text,
  tags jsonb,
  extra jsonb,
  told jsonb,
  constraint attribute_pkey PRIMARY KEY (event_id, chunk, id)
);
CREATE INDEX attribute_by_revision ON intel.attribute USING btree (event_id, revision) WHERE (revision IS NOT NULL);
CREATE INDEX attribute_by_vkey ON intel.attribute USING btree (vkey);

create table intel.auto_rule (
  id uuid not null,
  entity_id uuid,
  entity_kind text,
  level text,
  kinds smallint[] not null,
  accept boolean not null,
  feed boolean not null default false,
  hourly_max integer,
  created_at timestamp with time zone not null,
  created_by text not null,
  constraint auto_rule_pkey PRIMARY KEY (id),
  constraint auto_rule_hourly_max_check CHECK ((hourly_max > 0))
);

create table intel.blob (
  sha256 text not null,
  bytes bytea not null,
  constraint blob_pkey PRIMARY KEY (sha256)
);

create table intel.comment (
  id uuid not null,
  event_id uuid not null,
  entity_id uuid not null,
  entity_name text not null,
  at timestamp with time zone not null,
  text text not null,
  told text,
  constraint comment_pkey PRIMARY KEY (id),
  constraint comment_event_id_fkey FOREIGN KEY (event_id) REFERENCES intel.event(id)
);
CREATE INDEX comment_by_event ON intel.comment USING btree (event_id, at);

create table intel.event (
  id uuid not null,
  report_id uuid not null,
  uuid uuid not null,
  owner_id uuid not null,
  owner_name text not null,
  voice uuid not null,
  author_name text,
  author_uuid text,
  info text not null,
  date date not null,
  threat_level smallint not null,
  analysis smallint not null,
  tlp text not null,
  pap text not null,
  distribution text not null,
  group_id uuid,
  "timestamp" bigint not null,
  confidence smallint not null,
  arrived_at timestamp with time zone not null,
  state text not null,
  published_at timestamp with time zone,
  consolidated_at timestamp with time zone,
  retracted_at timestamp with time zone,
  retract_reason text,
  claimed_by text,
  claimed_at timestamp with time zone,
  chunks integer not null,
  rounds integer not null,
  revision integer,
  review boolean not null default false,
  attribute_count integer not null,
  danger smallint not null,
  tags jsonb,
  extra jsonb,
  told jsonb,
  constraint event_pkey PRIMARY KEY (id),
  constraint event_report_id_fkey FOREIGN KEY (report_id) REFERENCES intel.report(id)
);
CREATE INDEX event_by_owner ON intel.event USING btree (owner_id, arrived_at DESC, id);
CREATE INDEX event_by_report ON intel.event USING btree (report_id);
CREATE UNIQUE INDEX event_by_uuid ON intel.event USING btree (owner_id, uuid) WHERE (state <> 'rejected'::text);
CREATE INDEX event_waiting ON intel.event USING btree (danger DESC, arrived_at, id) WHERE ((state = 'assessing'::text) OR review);

create table intel.object (
  id uuid not null,
  event_id uuid not null,
  own_only boolean not null,
  chunk integer not null default 0,
  revision integer,
  name text not null,
  meta_category text,
  comment text,
  "timestamp" bigint not null,
  refs jsonb,
  extra jsonb,
  told jsonb,
  constraint object_pkey PRIMARY KEY (event_id, id)
);

create table intel.report (
  id uuid not null,
  entity_id uuid not null,
  soc_id uuid,
  actor_kind text not null,
  actor_id text not null,
  person_id uuid,
  received_at timestamp with time zone not null,
  channel text not null,
  format text not null,
  idempotency_key text,
  digest text not null,
  raw bytea,
  events uuid[] not null,
  constraint report_pkey PRIMARY KEY (id)
);
CREATE INDEX report_by_entity ON intel.report USING btree (entity_id, received_at DESC, id);
CREATE UNIQUE INDEX report_idempotent ON intel.report USING btree (entity_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

create table intel.revision (
  event_id uuid not null,
  round integer not null,
  rounds integer not null,
  arrived_at timestamp with time zone not null,
  at timestamp with time zone not null,
  report_id uuid,
  entity_id uuid not null,
  actor_kind text not null,
  actor_label text not null,
  tlp text not null,
  distribution text not null,
  group_id uuid,
  changes jsonb not null,
  constraint revision_pkey PRIMARY KEY (event_id, round),
  constraint revision_event_id_fkey FOREIGN KEY (event_id) REFERENCES intel.event(id)
);

create table intel.sighting (
  id uuid not null,
  vkey uuid not null,
  kind smallint not null,
  value text not null,
  type text not null,
  at timestamp with time zone not null,
  recorded_at timestamp with time zone not null,
  entity_id uuid not null,
  entity_name text not null,
  voice uuid not null,
  event_id uuid,
  source text,
  constraint sighting_pkey PRIMARY KEY (id),
  constraint sighting_not_from_future CHECK ((at <= (recorded_at + '00:01:00'::interval)))
);
CREATE INDEX sighting_by_vkey ON intel.sighting USING btree (vkey, at DESC);

create table intel.taxonomy (
  namespace text not null,
  version bigint not null,
  title text not null,
  tags integer not null,
  body jsonb not null,
  imported_at timestamp with time zone not null,
  imported_by text not null,
  constraint taxonomy_pkey PRIMARY KEY (namespace)
);
CREATE UNIQUE INDEX taxonomy_by_name ON intel.taxonomy USING btree (lower(namespace));

create schema members;

create table members.api_key (
  id text not null,
  hash bytea not null,
  label text not null,
  entity_id uuid not null,
  person_id uuid,
  scopes text[] not null,
  cidrs text[] not null default '{}'::text[],
  created_by text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  replaced_by text,
  last_used_at timestamp with time zone,
  constraint api_key_pkey PRIMARY KEY (id),
  constraint api_key_id_check CHECK ((id ~ '^[a-z0-9]{16}$'::text)),
  constraint api_key_entity_id_fkey FOREIGN KEY (entity_id) REFERENCES members.entity(id),
  constraint api_key_person_id_fkey FOREIGN KEY (person_id) REFERENCES members.person(id),
  constraint api_key_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES members.api_key(id)
);
CREATE INDEX api_key_by_entity ON members.api_key USING btree (entity_id, created_at DESC, id);
CREATE INDEX api_key_by_person ON members.api_key USING btree (person_id) WHERE (person_id IS NOT NULL);

create table members.asset (
  id uuid not null,
  entity_id uuid not null,
  kind text not null,
  value text not null,
  note text not null default ''::text,
  declared_by text not null,
  declared_at timestamp with time zone not null,
  constraint asset_pkey PRIMARY KEY (id),
  constraint asset_kind_check CHECK ((kind = ANY (ARRAY['ip'::text, 'net'::text, 'domain'::text, 'mail_domain'::text]))),
  constraint asset_entity_id_fkey FOREIGN KEY (entity_id) REFERENCES members.entity(id),
  constraint asset_entity_id_kind_value_key UNIQUE (entity_id, kind, value)
);
CREATE INDEX asset_by_value ON members.asset USING btree (kind, value);

create table members.attempt (
  bucket text not null,
  window_at timestamp with time zone not null,
  count integer not null,
  constraint attempt_pkey PRIMARY KEY (bucket, window_at)
);

create table members.challenge (
  challenge text not null,
  purpose text not null,
  person_id uuid,
  expires_at timestamp with time zone not null,
  constraint challenge_pkey PRIMARY KEY (challenge),
  constraint challenge_purpose_check CHECK ((purpose = ANY (ARRAY['register'::text, 'authenticate'::text]))),
  constraint challenge_person_id_fkey FOREIGN KEY (person_id) REFERENCES members.person(id)
);
CREATE INDEX challenge_by_expiry ON members.challenge USING btree (expires_at);

create table members.entity (
  id uuid not null,
  name text not null,
  kind text not null,
  level text not null,
  region text,
  critical boolean not null default false,
  suspended_at timestamp with time zone,
  created_at timestamp with time zone not null,
  constraint entity_pkey PRIMARY KEY (id),
  constraint entity_kind_fkey FOREIGN KEY (kind) REFERENCES members.kind(name)
);
CREATE UNIQUE INDEX entity_name ON members.entity USING btree (lower(name));
CREATE INDEX entity_page ON members.entity USING btree (name, id);

create table members.kind (
  name text not null,
  label text not null,
  default_level text not null,
  runs_soc_as text,
  constraint kind_pkey PRIMARY KEY (name),
  constraint kind_runs_soc_as_check CHECK ((runs_soc_as = ANY (ARRAY['company'::text, 'administration'::text])))
);

create table members.link (
  id text not null,
  hash bytea not null,
  purpose text not null,
  person_id uuid,
  created_by text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  constraint link_pkey PRIMARY KEY (id),
  constraint link_check CHECK (((person_id IS NOT NULL) OR (purpose = 'first'::text))),
  constraint link_id_check CHECK ((id ~ '^[a-z0-9]{16}$'::text)),
  constraint link_purpose_check CHECK ((purpose = ANY (ARRAY['first'::text, 'invite'::text, 'recover'::text]))),
  constraint link_person_id_fkey FOREIGN KEY (person_id) REFERENCES members.person(id)
);
CREATE INDEX link_by_person ON members.link USING btree (person_id);

create table members.oidc_attempt (
  state text not null,
  browser_hash bytea not null,
  nonce text not null,
  code_verifier text not null,
  link_id text,
  expires_at timestamp with time zone not null,
  constraint oidc_attempt_pkey PRIMARY KEY (state),
  constraint oidc_attempt_link_id_fkey FOREIGN KEY (link_id) REFERENCES members.link(id)
);
CREATE INDEX oidc_attempt_by_expiry ON members.oidc_attempt USING btree (expires_at);

create table members.oidc_identity (
  issuer text not null,
  subject text not null,
  person_id uuid not null,
  created_at timestamp with time zone not null,
  constraint oidc_identity_pkey PRIMARY KEY (issuer, subject),
  constraint oidc_identity_person_id_fkey FOREIGN KEY (person_id) REFERENCES members.person(id)
);
CREATE INDEX oidc_identity_by_person ON members.oidc_identity USING btree (person_id);

create table members.passkey (
  id text not null,
  person_id uuid not null,
  name text not null,
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null,
  backed_up boolean not null,
  created_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  constraint passkey_pkey PRIMARY KEY (id),
  constraint passkey_person_id_fkey FOREIGN KEY (person_id) REFERENCES members.person(id)
);
CREATE INDEX passkey_by_person ON members.passkey USING btree (person_id);

create table members.password (
  person_id uuid not null,
  hash text not null,
  totp_secret text not null,
  totp_step bigint not null,
  changed_at timestamp with time zone not null,
  constraint password_pkey PRIMARY KEY (person_id),
  constraint password_person_id_fkey FOREIGN KEY (person_id) REFERENCES members.person(id)
);

create table members.person (
  id uuid not null,
  entity_id uuid not null,
  name text not null,
  mail text not null,
  roles text[] not null,
  disabled_at timestamp with time zone,
  created_at timestamp with time zone not null,
  constraint person_pkey PRIMARY KEY (id),
  constraint person_roles_check CHECK (((cardinality(roles) >= 1) AND (cardinality(roles) <= 6))),
  constraint person_entity_id_fkey FOREIGN KEY (entity_id) REFERENCES members.entity(id),
  constraint person_mail_key UNIQUE (mail)
);
CREATE INDEX person_by_entity ON members.person USING btree (entity_id, name, id);

create table members.recovery_code (
  person_id uuid not null,
  hash bytea not null,
  used_at timestamp with time zone,
  constraint recovery_code_pkey PRIMARY KEY (person_id, hash),
  constraint recovery_code_person_id_fkey FOREIGN KEY (person_id) REFERENCES members.person(id)
);

create table members.session (
  id text not null,
  hash bytea not null,
  person_id uuid not null,
  method text not null,
  created_at timestamp with time zone not null,
  last_seen_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  ip text not null,
  agent text not null,
  constraint session_pkey PRIMARY KEY (id),
  constraint session_id_check CHECK ((id ~ '^[a-z0-9]{16}$'::text)),
  constraint session_method_check CHECK ((method = ANY (ARRAY['passkey'::text, 'password'::text, 'oidc'::text]))),
  constraint session_person_id_fkey FOREIGN KEY (person_id) REFERENCES members.person(id),
  constraint session_hash_key UNIQUE (hash)
);
CREATE INDEX session_by_person ON members.session USING btree (person_id, created_at DESC);

create table members.sharing_group (
  id uuid not null,
  name text not null,
  owner_entity_id uuid not null,
  created_at timestamp with time zone not null,
  constraint sharing_group_pkey PRIMARY KEY (id),
  constraint sharing_group_owner_entity_id_fkey FOREIGN KEY (owner_entity_id) REFERENCES members.entity(id)
);
CREATE UNIQUE INDEX sharing_group_name ON members.sharing_group USING btree (owner_entity_id, lower(name));

create table members.sharing_group_member (
  group_id uuid not null,
  entity_id uuid not null,
  constraint sharing_group_member_pkey PRIMARY KEY (group_id, entity_id),
  constraint sharing_group_member_entity_id_fkey FOREIGN KEY (entity_id) REFERENCES members.entity(id),
  constraint sharing_group_member_group_id_fkey FOREIGN KEY (group_id) REFERENCES members.sharing_group(id) ON DELETE CASCADE
);
CREATE INDEX sharing_group_member_by_entity ON members.sharing_group_member USING btree (entity_id);

create table members.soc (
  id uuid not null,
  name text not null,
  operator_entity_id uuid not null,
  staff text not null,
  manager_name text not null,
  manager_mail text not null,
  created_at timestamp with time zone not null,
  constraint soc_pkey PRIMARY KEY (id),
  constraint soc_staff_check CHECK ((staff = ANY (ARRAY['own'::text, 'contracted'::text]))),
  constraint soc_operator_entity_id_fkey FOREIGN KEY (operator_entity_id) REFERENCES members.entity(id)
);
CREATE INDEX soc_by_operator ON members.soc USING btree (operator_entity_id);

create table members.soc_serves (
  entity_id uuid not null,
  soc_id uuid not null,
  since timestamp with time zone not null,
  constraint soc_serves_pkey PRIMARY KEY (entity_id),
  constraint soc_serves_entity_id_fkey FOREIGN KEY (entity_id) REFERENCES members.entity(id),
  constraint soc_serves_soc_id_fkey FOREIGN KEY (soc_id) REFERENCES members.soc(id) ON DELETE CASCADE
);
CREATE INDEX soc_serves_by_soc ON members.soc_serves USING btree (soc_id);

create schema platform;

create table platform.hub (
  one boolean not null default true,
  id uuid not null,
  name text not null,
  incarnation text not null,
  epoch integer not null default 1,
  created_at timestamp with time zone not null default now(),
  constraint hub_pkey PRIMARY KEY (one),
  constraint hub_one_check CHECK (one)
);

create table platform.migration (
  name text not null,
  sha256 text not null,
  applied_at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (name)
);

create table platform.secret (
  name text not null,
  value text not null,
  constraint secret_pkey PRIMARY KEY (name)
);

create table platform.setting (
  name text not null,
  value jsonb not null,
  changed_at timestamp with time zone not null default now(),
  changed_by text not null,
  constraint setting_pkey PRIMARY KEY (name)
);

create schema scoring;

create table scoring.assignment (
  id uuid not null,
  entity_id uuid not null,
  level text not null,
  previous text not null,
  reason text not null,
  set_by text not null,
  set_at timestamp with time zone not null,
  constraint assignment_pkey PRIMARY KEY (id)
);
CREATE INDEX assignment_by_entity ON scoring.assignment USING btree (entity_id, set_at DESC);

create table scoring.level (
  version integer not null,
  id text not null,
  name text not null,
  shelf text not null,
  delay_ms bigint not null,
  on_consolidation boolean not null,
  max_tlp text not null,
  constraint level_pkey PRIMARY KEY (version, id),
  constraint level_delay_ms_check CHECK ((delay_ms >= 0)),
  constraint level_max_tlp_check CHECK ((max_tlp = ANY (ARRAY['clear'::text, 'green'::text, 'amber'::text, 'amber+strict'::text, 'red'::text]))),
  constraint level_version_fkey FOREIGN KEY (version) REFERENCES scoring.policy(version)
);

create table scoring.policy (
  version integer not null,
  valid_from timestamp with time zone not null,
  set_by text not null,
  reason text not null,
  constraint policy_pkey PRIMARY KEY (version)
);

create table scoring.reading (
  id bigint not null generated always as identity,
  entity_id uuid not null,
  shelf text not null,
  since timestamp with time zone not null,
  until timestamp with time zone,
  settled boolean not null,
  constraint reading_pkey PRIMARY KEY (id)
);
CREATE INDEX reading_by_entity ON scoring.reading USING btree (entity_id, id DESC);
CREATE INDEX reading_by_shelf ON scoring.reading USING btree (shelf, until) WHERE (until IS NOT NULL);
CREATE UNIQUE INDEX reading_of_today ON scoring.reading USING btree (entity_id) WHERE (until IS NULL);

create schema shelf_immediate;

create table shelf_immediate.attachment (
  id uuid not null,
  lane text not null,
  event_id uuid not null,
  attribute_id uuid,
  name text not null,
  bytes bigint not null,
  sha256 text not null,
  malware boolean not null,
  constraint attachment_pkey PRIMARY KEY (lane, id)
);
CREATE INDEX attachment_by_event ON shelf_immediate.attachment USING btree (event_id);

create table shelf_immediate.batch (
  lane text not null,
  version bigint not null,
  body text not null,
  key_id text not null,
  sig text not null,
  hash text not null,
  at timestamp with time zone not null default now(),
  constraint batch_pkey PRIMARY KEY (lane, version)
);

create table shelf_immediate.comment (
  id uuid not null,
  lane text not null,
  event_id uuid not null,
  entity_name text not null,
  at timestamp with time zone not null,
  text text not null,
  constraint comment_pkey PRIMARY KEY (lane, id)
);
CREATE INDEX comment_by_event ON shelf_immediate.comment USING btree (event_id, at);

create table shelf_immediate.decision (
  lane text not null,
  vkey uuid not null,
  kind smallint not null,
  strength smallint not null,
  confidence smallint not null,
  voices smallint not null,
  evidence integer not null,
  arrived_at timestamp with time zone not null,
  decided_at timestamp with time zone not null,
  changed_at timestamp with time zone not null,
  until timestamp with time zone,
  lift_id uuid,
  gone text,
  value text not null,
  constraint decision_pkey PRIMARY KEY (lane, vkey)
);
CREATE INDEX decision_by_change ON shelf_immediate.decision USING btree (lane, changed_at, vkey);
CREATE INDEX decision_by_lift ON shelf_immediate.decision USING btree (lift_id) WHERE (lift_id IS NOT NULL);
CREATE INDEX decision_by_until ON shelf_immediate.decision USING btree (until) WHERE (gone IS NULL);
CREATE INDEX decision_net ON shelf_immediate.decision USING btree (lane) WHERE ((kind = 1) AND (gone IS NULL));

create table shelf_immediate.entry (
  lane text not null,
  "position" bigint not null,
  at timestamp with time zone not null,
  topic text not null,
  object uuid not null,
  body jsonb not null,
  constraint entry_pkey PRIMARY KEY (lane, "position")
);

create table shelf_immediate.event (
  num bigint not null generated always as identity,
  id uuid not null,
  uuid uuid not null,
  lane text not null,
  owner_id uuid not null,
  owner_name text not null,
  voice uuid not null,
  confidence smallint not null,
  arrived_at timestamp with time zone not null,
  author_name text,
  author_uuid text,
  info text not null,
  date date not null,
  threat_level smallint not null,
  analysis smallint not null,
  tlp text not null,
  pap text not null,
  distribution text not null,
  group_id uuid,
  "timestamp" bigint not null,
  published_at timestamp with time zone not null,
  released_at timestamp with time zone not null,
  consolidated boolean not null,
  attribute_count integer not null,
  tags jsonb,
  extra jsonb,
  constraint event_pkey PRIMARY KEY (num),
  constraint event_id_lane_key UNIQUE (id, lane)
);
CREATE INDEX event_by_release ON shelf_immediate.event USING btree (released_at DESC, id);

create table shelf_immediate.indicator (
  id uuid not null,
  event_num bigint not null,
  vkey uuid not null,
  vkey2 uuid,
  object_id uuid,
  first_seen timestamp with time zone,
  last_seen timestamp with time zone,
  "timestamp" bigint not null,
  arrived_at timestamp with time zone,
  published_at timestamp with time zone,
  kind smallint not null,
  to_ids boolean not null,
  blockable boolean not null,
  lane text not null,
  type text not null,
  value text not null,
  canonical text,
  category text,
  relation text,
  comment text,
  tags jsonb,
  extra jsonb,
  constraint indicator_pkey PRIMARY KEY (event_num, id)
);
CREATE INDEX indicator_by_vkey ON shelf_immediate.indicator USING btree (vkey);
CREATE INDEX indicator_by_vkey2 ON shelf_immediate.indicator USING btree (vkey2) WHERE (vkey2 IS NOT NULL);

create table shelf_immediate.lane (
  lane text not null,
  "position" bigint not null default 0,
  version bigint not null default 0,
  hash text not null default repeat('0'::text, 64),
  count bigint not null default 0,
  digest text not null default repeat('0'::text, 64),
  constraint lane_pkey PRIMARY KEY (lane)
);

create table shelf_immediate.migration (
  name text not null,
  sha256 text not null,
  constraint migration_pkey PRIMARY KEY (name)
);

create table shelf_immediate.object (
  id uuid not null,
  event_num bigint not null,
  lane text not null,
  name text not null,
  meta_category text,
  comment text,
  "timestamp" bigint not null,
  refs jsonb,
  extra jsonb,
  constraint object_pkey PRIMARY KEY (event_num, id)
);

create table shelf_immediate.sighting (
  id uuid not null,
  lane text not null,
  vkey uuid not null,
  type text not null,
  at timestamp with time zone not null,
  entity_id uuid not null,
  entity_name text not null,
  voice uuid not null,
  source text,
  constraint sighting_pkey PRIMARY KEY (lane, id)
);
CREATE INDEX sighting_by_vkey ON shelf_immediate.sighting USING btree (vkey, at DESC);

create table shelf_immediate.toque (
  lane text not null,
  decision_id uuid not null,
  applied integer not null,
  refused integer not null,
  withdrawn integer not null,
  first_ms integer,
  median_ms integer,
  constraint toque_pkey PRIMARY KEY (lane, decision_id)
);

grant select on shelf_immediate.attachment to rebato_shelf_immediate_rebato;
grant select on shelf_immediate.batch to rebato_shelf_immediate_rebato;
grant select on shelf_immediate.comment to rebato_shelf_immediate_rebato;
grant select on shelf_immediate.decision to rebato_shelf_immediate_rebato;
grant select on shelf_immediate.entry to rebato_shelf_immediate_rebato;
grant select on shelf_immediate.event to rebato_shelf_immediate_rebato;
grant select on shelf_immediate.indicator to rebato_shelf_immediate_rebato;
grant select on shelf_immediate.lane to rebato_shelf_immediate_rebato;
grant select on shelf_immediate.object to rebato_shelf_immediate_rebato;
grant select on shelf_immediate.sighting to rebato_shelf_immediate_rebato;
grant select on shelf_immediate.toque to rebato_shelf_immediate_rebato;

create schema trail;

create table trail.checkpoint (
  seq bigint not null,
  body text not null,
  key_id text not null,
  sig text not null,
  constraint checkpoint_pkey PRIMARY KEY (seq)
);

create table trail.entry (
  seq bigint not null,
  at timestamp with time zone not null,
  actor_kind text not null,
  actor_id text not null,
  actor_label text not null,
  entity_id text not null,
  person_id text,
  origin text,
  request_id text,
  action text not null,
  target text not null,
  detail text not null,
  prev_hash text not null,
  hash text not null,
  constraint entry_pkey PRIMARY KEY (seq),
  constraint entry_hash_check CHECK ((hash ~ '^[0-9a-f]{64}$'::text)),
  constraint entry_prev_hash_check CHECK ((prev_hash ~ '^[0-9a-f]{64}$'::text))
);
CREATE INDEX entry_by_actor ON trail.entry USING btree (actor_id, seq DESC);
CREATE INDEX entry_by_entity ON trail.entry USING btree (entity_id, seq DESC);
CREATE INDEX entry_by_target ON trail.entry USING btree (target, seq DESC);

create table trail.inbox (
  id bigint not null generated always as identity,
  at timestamp with time zone not null,
  actor_kind text not null,
  actor_id text not null,
  actor_label text not null,
  entity_id text not null,
  person_id text,
  origin text,
  request_id text,
  action text not null,
  target text not null,
  detail text not null,
  constraint inbox_pkey PRIMARY KEY (id)
);
