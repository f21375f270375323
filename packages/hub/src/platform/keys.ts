import type { KeyObject } from 'node:crypto';
import { type Envelope, type KeyCertificate, protocolVersion, type SignedBody } from '@rebato/contract';
import type { Clock } from './clock.ts';
import type { Pool, Tx } from './db.ts';
import {
  fingerprint,
  type KeyPair,
  makeKeyPair,
  pemOf,
  publicKeyOf,
  readKeyPair,
  seal,
  signBody,
  signText,
  verifyBody,
} from './keys/envelope.ts';
import { readRoot, rootFile, writeRoot } from './keys/root-file.ts';
import type { Log } from './ports.ts';
import { StartRefused } from './start-refused.ts';

/** The members that every signed body begins with. */
export type SignedHead<T extends SignedBody['type']> = {
  readonly type: T;
  readonly v: typeof protocolVersion;
  readonly alg: 'ES256';
  readonly hub: string;
  readonly epoch: number;
  readonly created: string;
  readonly expires: string;
};

/** Signs with the online key. Key, certificate and epoch are exchanged together, so take `keyId` and signature from one call: `envelope`. */
export type Signer = {
  readonly keyId: string;
  /** Id and epoch that go into every body. */
  readonly hub: string;
  readonly epoch: number;
  /** Base64 of the IEEE P1363 signature over the wire's prefix and `body`. */
  sign(body: string): string;
  envelope(body: SignedBody): Envelope;
  /** Head of a body that is made now and valid for `lifetimeMs`. */
  head<T extends SignedBody['type']>(type: T, lifetimeMs: number): SignedHead<T>;
};

export type Keys = {
  readonly signer: Signer;
  /** The online key's certificate, signed by the root. */
  certificate(): Envelope;
  /** Root public key, SPKI DER in base64. */
  rootPublic(): string;
  /** SHA-256 (hex) of the root's SPKI DER: what an enrolment token pins. */
  rootFingerprint(): string;
  /** Whether an envelope was signed by today's online key. */
  verify(envelope: Envelope): boolean;
  /** Signs `text` as it stands with the online key: for what has a prefix of its own, such as checkpoints of the trail. */
  signRaw(text: string): string;
  /** Every online key that this hub ever had, by id: SPKI DER in base64. Old signatures stay verifiable. */
  publicKeys(): ReadonlyMap<string, string>;
  /** Called after key, certificate or epoch changed, in this process or another one. */
  onChange(heard: () => void): void;
  /** New epoch and new online key, signed by the root, whose file must be here. After a restore: agents refuse every version they have seen otherwise. */
  raiseEpoch(): Promise<number>;
  /** Renews the certificate when it is due and takes over what another process renewed. Once an hour is plenty; cheap. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
};

export type KeysDeps = { readonly db: Pool; readonly dataDir: string; readonly clock: Clock; readonly log: Log };

const dayMs = 86_400_000;
/** Short enough that a stolen key ends by itself, long enough that an offline root is fetched four times a year. */
const certificateDays = 90;
const renewDays = 30;
/** Clocks of readers may be behind: the certificate is valid from a little earlier. */
const backdateMs = 5 * 60_000;
/** One process makes the keys, the others wait and read them. */
const keysLock = 7373004;
const keysChannel = 'rebato_keys';

type Stored = { readonly root: string; readonly certificate: Envelope; readonly keys?: Readonly<Record<string, string>> };
type Held = {
  readonly hub: string;
  readonly epoch: number;
  readonly pair: KeyPair;
  readonly publicKey: KeyObject;
  readonly stored: Stored;
  readonly expiresAt: number;
};

/**
 * Loads the hub's keys, or makes them at the first start. The root key is a file in the data folder; the online key and its certificate are in
 * the database, so that all processes of one hub sign alike. Needs the row `platform.hub`.
 */
export async function createKeys(deps: KeysDeps): Promise<Keys> {
  let held = await loadOrMake(deps);
  const listeners: (() => void)[] = [];

  function take(next: Held): void {
    const changed = next.stored.certificate.sig !== held.stored.certificate.sig;
    held = next;
    if (changed) for (const heard of listeners) heard();
  }

  async function refresh(): Promise<void> {
    take(await loadOrMake(deps));
  }

  const unlisten = await deps.db.listen(keysChannel, () => {
    refresh().catch((error: unknown) =>
      deps.log.error({ err: String(error) }, 'New signing keys could not be taken over; the old ones stay in use until the next try.'),
    );
  });

  const signer: Signer = {
    get keyId() {
      return held.pair.id;
    },
    get hub() {
      return held.hub;
    },
    get epoch() {
      return held.epoch;
    },
    sign: (body) => signBody(held.pair, body),
    envelope: (body) => seal(held.pair, body),
    head(type, lifetimeMs) {
      const now = deps.clock.now().getTime();
      return headOf(held, type, new Date(now), new Date(now + lifetimeMs));
    },
  };

  return {
    signer,
    certificate: () => held.stored.certificate,
    rootPublic: () => held.stored.root,
    rootFingerprint: () => fingerprint(Buffer.from(held.stored.root, 'base64')),
    verify: (envelope) => envelope.keyId === held.pair.id && verifyBody(held.publicKey, envelope.body, envelope.sig),
    signRaw: (text) => signText(held.pair, text),
    publicKeys: () => new Map(Object.entries({ ...held.stored.keys, [held.pair.id]: held.pair.spki })),
    onChange: (heard) => void listeners.push(heard),
    async raiseEpoch() {
      take(await raise(deps));
      return held.epoch;
    },
    refresh,
    stop: unlisten,
  };
}

function headOf<T extends SignedBody['type']>(
  of: { readonly hub: string; readonly epoch: number },
  type: T,
  created: Date,
  expires: Date,
): SignedHead<T> {
  return {
    type,
    v: protocolVersion,
    alg: 'ES256',
    hub: of.hub,
    epoch: of.epoch,
    created: created.toISOString(),
    expires: expires.toISOString(),
  };
}

async function loadOrMake(deps: KeysDeps): Promise<Held> {
  const root = await readRoot(deps.dataDir);
  return deps.db.transaction(async (tx) => {
    await tx.run`select pg_advisory_xact_lock(${keysLock})`;
    const hub = await readHub(tx);
    const stored = await readStored(tx);
    const pem = await tx.one<{ value: string }>`select value from platform.secret where name = 'wire.online_key'`;
    if (stored === undefined || pem === undefined) {
      if (stored !== undefined && root?.spki !== stored.root) throw lostOnlineKey(deps, stored);
      return issue(tx, deps, hub, root ?? (await makeRoot(deps)), makeKeyPair());
    }
    if (root !== undefined && root.spki !== stored.root) {
      throw new StartRefused(
        `The root key in ${rootFile(deps.dataDir)} is not the one that this database's agents trust (${fingerprint(Buffer.from(stored.root, 'base64')).slice(0, 16)}…). Put the right one there, or move the file away.`,
      );
    }
    const pair = readKeyPair(pem.value);
    const held = heldOf(pair, stored);
    const now = deps.clock.now().getTime();
    const issuedFor = JSON.parse(stored.certificate.body) as KeyCertificate;
    const due = held.expiresAt - now < renewDays * dayMs || issuedFor.epoch !== hub.epoch || issuedFor.hub !== hub.id;
    if (!due) return held;
    // The same key with a new date: batches that it signed stay readable for agents that are behind.
    if (root !== undefined) return issue(tx, deps, hub, root, pair);
    const days = Math.floor((held.expiresAt - now) / dayMs);
    const fields = { expires: issuedFor.expires, file: rootFile(deps.dataDir) };
    if (days < 0)
      deps.log.error(
        fields,
        'The certificate of the signing key has expired: agents accept nothing new. Put the root key back and restart the hub.',
      );
    else
      deps.log.warn(
        fields,
        `The certificate of the signing key ends in ${days} days. Put the root key back for one start of the hub to renew it.`,
      );
    return held;
  });
}

/**
 * The first epoch that no former one of this hub can have been: of two restores of one backup, each has its own. Seconds since 2026 last in the
 * column until 2094.
 */
const epochAt = (now: Date): number => Math.floor((now.getTime() - Date.UTC(2026, 0, 1)) / 1_000);

/** Raises the epoch of a hub that does not run, after its database was put back to an earlier time. Throws StartRefused without the right root. */
export async function raiseEpochAfterRestore(deps: Omit<KeysDeps, 'dataDir'>, root: KeyPair): Promise<number> {
  return (await raise({ ...deps, dataDir: '' }, root, epochAt(deps.clock.now()))).epoch;
}

async function raise(deps: KeysDeps, given?: KeyPair, atLeast = 0): Promise<Held> {
  const root = given ?? (await readRoot(deps.dataDir));
  return deps.db.transaction(async (tx) => {
    await tx.run`select pg_advisory_xact_lock(${keysLock})`;
    const stored = await readStored(tx);
    if (root === undefined || root.spki !== stored?.root) {
      throw new StartRefused(
        given === undefined
          ? `A new epoch needs the root key of this hub in ${rootFile(deps.dataDir)}. Put it there, and take it away again afterwards.`
          : 'That is not the root key that the agents of this hub trust.',
      );
    }
    await tx.run`update platform.hub set epoch = greatest(epoch + 1, ${atLeast}::integer)`;
    // Whoever made a new epoch necessary may hold the old online key.
    return issue(tx, deps, await readHub(tx), root, makeKeyPair());
  });
}

type Hub = { readonly id: string; readonly epoch: number };

async function readHub(tx: Tx): Promise<Hub> {
  const hub = await tx.one<Hub>`select id, epoch from platform.hub`;
  if (hub === undefined) throw new Error('the hub has no row in platform.hub yet');
  return hub;
}

async function readStored(tx: Tx): Promise<Stored | undefined> {
  return (await tx.one<{ value: Stored }>`select value from platform.setting where name = 'wire.certificate'`)?.value;
}

async function makeRoot(deps: KeysDeps): Promise<KeyPair> {
  const root = makeKeyPair();
  await writeRoot(deps.dataDir, root);
  deps.log.warn(
    { file: rootFile(deps.dataDir), fingerprint: fingerprint(Buffer.from(root.spki, 'base64')) },
    'A root key was made. Move it to an offline place: it is needed again only to renew the signing key (once in two months) and after a restore.',
  );
  return root;
}

/** Certifies `pair` and puts it in use for all processes. */
async function issue(tx: Tx, deps: KeysDeps, hub: Hub, root: KeyPair, pair: KeyPair): Promise<Held> {
  const now = deps.clock.now().getTime();
  const head = headOf({ hub: hub.id, epoch: hub.epoch }, 'key', new Date(now - backdateMs), new Date(now + certificateDays * dayMs));
  const keys = { ...(await readStored(tx))?.keys, [pair.id]: pair.spki };
  const stored: Stored = { root: root.spki, certificate: seal(root, { ...head, keyId: pair.id, publicKey: pair.spki }), keys };
  await tx.run`
    insert into platform.secret (name, value) values ('wire.online_key', ${pemOf(pair)})
    on conflict (name) do update set value = excluded.value`;
  await tx.run`
    insert into platform.setting (name, value, changed_by) values ('wire.certificate', ${tx.json(stored)}, 'system')
    on conflict (name) do update set value = excluded.value, changed_at = now(), changed_by = excluded.changed_by`;
  await tx.run`select pg_notify(${keysChannel}, '')`;
  deps.log.info({ keyId: pair.id, epoch: hub.epoch, expires: head.expires }, 'The signing key has a new certificate.');
  return heldOf(pair, stored);
}

function heldOf(pair: KeyPair, stored: Stored): Held {
  const certificate = JSON.parse(stored.certificate.body) as KeyCertificate;
  // The certificate's epoch, not the table's: a body must never claim an epoch that its key was not certified for.
  return {
    hub: certificate.hub,
    epoch: certificate.epoch,
    pair,
    publicKey: publicKeyOf(pair.spki),
    stored,
    expiresAt: Date.parse(certificate.expires),
  };
}

function lostOnlineKey(deps: KeysDeps, stored: Stored): StartRefused {
  const print = fingerprint(Buffer.from(stored.root, 'base64')).slice(0, 16);
  return new StartRefused(
    `The database has lost its signing key. Put the root key ${print}… into ${rootFile(deps.dataDir)} and start again: it certifies a new one.`,
  );
}
