-- How people get in: sessions, passkeys, password with one-time codes, one-time links, an identity provider.
-- Every secret is stored as a hash, except the seed of the one-time codes, which the hub must read to check a code.

create table members.session (
  id            text primary key check (id ~ '^[a-z0-9]{16}$'),   -- shown to its owner; not the token
  hash          bytea not null unique,
  person_id     uuid not null references members.person (id),
  method        text not null check (method in ('passkey', 'password', 'oidc')),
  created_at    timestamptz not null,
  last_seen_at  timestamptz not null,
  expires_at    timestamptz not null,
  ip            text not null,
  agent         text not null
);
create index session_by_person on members.session (person_id, created_at desc);

create table members.passkey (
  id            text primary key,          -- credential id, base64url
  person_id     uuid not null references members.person (id),
  name          text not null,
  public_key    bytea not null,            -- COSE
  counter       bigint not null,
  transports    text[] not null,
  backed_up     boolean not null,
  created_at    timestamptz not null,
  last_used_at  timestamptz
);
create index passkey_by_person on members.passkey (person_id);

-- Deleted when looked up, so that each is good for one try.
create table members.challenge (
  challenge   text primary key,
  purpose     text not null check (purpose in ('register', 'authenticate')),
  person_id   uuid references members.person (id),
  expires_at  timestamptz not null
);
create index challenge_by_expiry on members.challenge (expires_at);

create table members.password (
  person_id      uuid primary key references members.person (id),
  hash           text not null,            -- algorithm, cost, salt and key in one text: see password.ts
  totp_secret    text not null,            -- sealed, see secret-box.ts
  totp_step      bigint not null,          -- the last accepted time step: a code works once
  changed_at     timestamptz not null
);
create table members.recovery_code (
  person_id  uuid not null references members.person (id),
  hash       bytea not null,
  used_at    timestamptz,
  primary key (person_id, hash)
);

-- A one-time link: an invitation, a way back in, or the very first one. Its holder may set up one way to sign in.
create table members.link (
  id           text primary key check (id ~ '^[a-z0-9]{16}$'),
  hash         bytea not null,
  purpose      text not null check (purpose in ('first', 'invite', 'recover')),
  person_id    uuid references members.person (id),
  created_by   text not null,
  created_at   timestamptz not null,
  expires_at   timestamptz not null,
  used_at      timestamptz,
  check (person_id is not null or purpose = 'first')
);
create index link_by_person on members.link (person_id);

-- Bound on issuer and subject. A mail address in a claim is never looked at.
create table members.oidc_identity (
  issuer      text not null,
  subject     text not null,
  person_id   uuid not null references members.person (id),
  created_at  timestamptz not null,
  primary key (issuer, subject)
);
create index oidc_identity_by_person on members.oidc_identity (person_id);

create table members.oidc_attempt (
  state          text primary key,
  browser_hash   bytea not null,           -- of a cookie: the answer must come back to the browser that asked
  nonce          text not null,
  code_verifier  text not null,
  link_id        text references members.link (id),
  expires_at     timestamptz not null
);
create index oidc_attempt_by_expiry on members.oidc_attempt (expires_at);

-- Failed and running tries in fixed windows. In the database, because several hub processes count together.
create table members.attempt (
  bucket      text not null,
  window_at   timestamptz not null,
  count       integer not null,
  primary key (bucket, window_at)
);
