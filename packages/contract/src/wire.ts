/**
 * What the hub and an agent say to each other, protocol version 1. Everything that an agent acts on is an envelope: a JSON text and a
 * signature over exactly these bytes. A channel is one signed, hash-chained sequence of batches; a control reads one or more channels and
 * applies the union. Channel names look like `immediate/c` (community) or `informed/e:<entity uuid>` (one entity's own lane).
 */
import type { Strength, ValueKind } from './markings.ts';

export const protocolVersion = 1;

/** Prefix of the signed bytes, so that a signature made for anything else is never valid here. */
export const signaturePrefix = 'rebato-wire-1\n';

/** ECDSA over P-256 with SHA-256; the signature is IEEE P1363 (r and s, 64 bytes). */
export type SignatureAlgorithm = 'ES256';

/** `sig` is base64 over the UTF-8 bytes of `signaturePrefix + body`. `body` names the algorithm again, inside what is signed. */
export type Envelope = { readonly body: string; readonly keyId: string; readonly sig: string };

type Signed<T extends string> = {
  readonly type: T;
  readonly v: typeof protocolVersion;
  readonly alg: SignatureAlgorithm;
  /** Id of the hub (UUID). An exercise is another hub with another id and other keys. */
  readonly hub: string;
  /** Raised only by a certificate of the root key, after a restore. */
  readonly epoch: number;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly expires: string;
};

/** Signed by the root key: this online key may sign for this hub until `expires`, in this epoch. keyId = first 16 hex of SHA-256 of SPKI. */
export type KeyCertificate = Signed<'key'> & { readonly keyId: string; readonly publicKey: string /* SPKI DER, base64 */ };

/** `halt`: take nothing new, carry out removals only. */
export type ChannelMode = 'normal' | 'halt';

/** One entry of a channel's set, keyed by kind and value. `until` null: until removed. `confidence` 0..100. */
export type WireDecision = {
  readonly id: string;
  readonly kind: ValueKind;
  readonly value: string;
  /** `allow` (a member's own lifting, own lane only) wins against every `block` of the same value. */
  readonly action: 'block' | 'allow';
  readonly strength: Strength;
  readonly confidence: number;
  readonly until: string | null;
};

/** `add` also replaces an entry of the same kind and value. */
export type WireChange =
  | ({ readonly op: 'add' } & WireDecision)
  | { readonly op: 'remove'; readonly id: string; readonly kind: ValueKind; readonly value: string; readonly reason: RemoveReason };
export type RemoveReason = 'retracted' | 'expired' | 'lifted' | 'narrowed' | 'false_positive' | 'superseded';

/** Version n follows n-1; `prev` is the SHA-256 (hex) of the previous batch's body, or 64 zeros at version 1. Count and digest are of the set after the changes. */
export type Batch = Signed<'batch'> & {
  readonly channel: string;
  readonly version: number;
  readonly prev: string;
  readonly mode: ChannelMode;
  readonly changes: readonly WireChange[];
  readonly count: number;
  readonly digest: string;
};

/** Says that `version` with `hash` is still the newest. A reader that sees no valid one for three intervals is being frozen. */
export type Heartbeat = Signed<'heartbeat'> & {
  readonly channel: string;
  readonly version: number;
  readonly hash: string;
  readonly mode: ChannelMode;
  /** The interval that the hub keeps. A reader that is not told assumes ten seconds. */
  readonly everyMs?: number;
};

/**
 * First line of a snapshot, as an envelope; after it one JSON array per line, in no particular order: [id, kind, value, action, strength, confidence, until].
 * `sha256` is over the bytes of all lines after the first, newlines included. `hash` is that of the batch at `version`, so the next batch chains.
 */
export type SnapshotHeader = Signed<'snapshot'> & {
  readonly channel: string;
  readonly version: number;
  readonly hash: string;
  readonly mode: ChannelMode;
  readonly count: number;
  readonly digest: string;
  readonly sha256: string;
};

/** What one control is told about itself: which channels to read and what to take from them. Versions only rise. */
export type ControlOrder = Signed<'control'> & {
  readonly control: string;
  readonly version: number;
  readonly name: string;
  readonly channels: readonly string[];
  readonly kinds: readonly ValueKind[];
  readonly minConfidence: number;
  /** Most entries this control can hold; the strongest and newest are kept. */
  readonly capacity: number;
  /** Values of the owner that are never blocked here, canonical: `ip`, `net` or `domain`. */
  readonly allow: readonly { readonly kind: ValueKind; readonly value: string }[];
  /** Critical sites (hospitals, emergency services) apply this much later than the others. */
  readonly delayMs: number;
};

export type SignedBody = KeyCertificate | Batch | Heartbeat | SnapshotHeader | ControlOrder;

/**
 * Digest of a set of decisions: the sum modulo 2^256 of SHA-256 over `kind \n value \n id \n until-or-empty`, as 64 hex digits. It changes in
 * constant time with each entry and does not depend on order. It finds drift; forgery is the signature's matter.
 */
export const digestModulus = 1n << 256n;

/** POST /api/v1/agent/enrol, unauthenticated but for the one-time token. */
export type EnrolRequest = { readonly token: string; readonly agent: string /* program version */; readonly target: string };
export type EnrolReply = {
  readonly control: string;
  readonly name: string;
  /** API key of the control, shown once. */
  readonly key: string;
  readonly hub: string;
  /** Root public key, SPKI DER base64. Its SHA-256 (hex) must equal the fingerprint inside the token. */
  readonly root: string;
  readonly certificate: Envelope;
  readonly order: Envelope;
};
/** A token is `rbe_<id>_<secret>_<SHA-256 of the root's SPKI, 64 hex>`, so the root is pinned by whoever handed the token over. */
export const enrolTokenPattern = /^rbe_([a-z0-9]{16})_([A-Za-z0-9]{32,64})_([0-9a-f]{64})$/;

/** GET /api/v1/agent/state with the control's key: the current certificate, order and newest heartbeat per channel. */
export type AgentState = { readonly certificate: Envelope; readonly order: Envelope; readonly heartbeats: readonly Envelope[] };

/**
 * GET /api/v1/agent/snapshot?channel=NAME: header line and entries, gzip by content negotiation.
 * GET /api/v1/agent/batches?channel=NAME&after=VERSION: `{ batches: Envelope[], more: boolean }`, or 410 when `after` is too old or unknown: take a snapshot.
 * GET /api/v1/agent/stream?after=CHANNEL:VERSION (repeated): server-sent events `batch`, `heartbeat`, `order`, `certificate` whose data is an envelope,
 * and `resync` whose data is `{ "channel": NAME }`. Bytes per reader are bounded: one that reads too slowly is cut off and comes back.
 */
export type BatchPage = { readonly batches: readonly Envelope[]; readonly more: boolean };

/** applied and withdrawn are sent after reading the control back. */
export type ReceiptState = 'applied' | 'refused' | 'withdrawn' | 'expired';
export type Receipt = {
  readonly decision: string;
  readonly channel: string;
  readonly version: number;
  readonly state: ReceiptState;
  /** When the agent saw it in force (or gone), by the agent's clock. The hub measures by its own. */
  readonly at: string;
  /** For refused: which local rule, for example `local_never_block` or `capacity`. */
  readonly reason?: string;
};
/** What is really loaded, read back from the control. `wanted` is what should be, after the order and the local guard. */
export type LoadedReport = {
  readonly versions: Readonly<Record<string, number>>;
  readonly wanted: { readonly count: number; readonly digest: string };
  readonly loaded: { readonly count: number; readonly digest: string };
  readonly driftRepaired: number;
  readonly alarms: readonly { readonly code: string; readonly detail: string; readonly at: string }[];
};
/** POST /api/v1/agent/receipts: at most 1,000 receipts; a repeated one changes nothing. Answers 200 `{ recorded: number }` after commit. */
export type ReceiptsRequest = { readonly receipts: readonly Receipt[]; readonly report?: LoadedReport };
