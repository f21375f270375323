import {
  type Batch,
  type ControlOrder,
  type Heartbeat,
  type KeyCertificate,
  protocolVersion,
  type SignedBody,
  type SnapshotHeader,
  strengths,
  type ValueKind,
  valueKinds,
  type WireChange,
  type WireDecision,
} from '@rebato/contract';
import { limits } from '../limits.ts';

/**
 * Reading signed JSON into typed values. A signature says who wrote it, not that it makes sense: every field that is used is checked, unknown
 * fields are ignored, an unknown kind, action or operation refuses the whole, because leaving part of it out would be another set.
 */
type Fields = Readonly<Record<string, unknown>>;

const hex64 = /^[0-9a-f]{64}$/;
const hex16 = /^[0-9a-f]{16}$/;
const idPattern = /^[A-Za-z0-9._-]{1,64}$/;
const channelPattern = /^[a-z0-9][a-z0-9/:._-]{0,127}$/;
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;
const kinds: ReadonlySet<unknown> = new Set(valueKinds);
const reasons: ReadonlySet<unknown> = new Set(['retracted', 'expired', 'lifted', 'narrowed', 'false_positive', 'superseded']);

/** Milliseconds of an RFC 3339 time in UTC, or NaN. */
export function timeMs(text: unknown): number {
  return typeof text === 'string' && text.length <= 32 && timePattern.test(text) ? Date.parse(text) : Number.NaN;
}

export function isKind(value: unknown): value is ValueKind {
  return kinds.has(value);
}

/** Line ends and other control characters never belong to a value; they are how one value becomes two in a file. */
export function isPlainValue(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > limits.valueLength || !value.isWellFormed()) return false;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 0x20 || code === 0x7f || (code >= 0x80 && code < 0xa0) || code === 0x2028 || code === 0x2029) return false;
  }
  return true;
}

function isCount(value: unknown, max: number = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

const matches = (pattern: RegExp, value: unknown): value is string =>
  typeof value === 'string' && value.length <= 200 && pattern.test(value);
const isMode = (value: unknown): boolean => value === 'normal' || value === 'halt';

function readSigned(type: SignedBody['type'], json: unknown): Fields | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const it = json as Fields;
  const good =
    it.type === type &&
    it.v === protocolVersion &&
    it.alg === 'ES256' &&
    matches(idPattern, it.hub) &&
    isCount(it.epoch) &&
    !Number.isNaN(timeMs(it.created)) &&
    !Number.isNaN(timeMs(it.expires));
  return good ? it : undefined;
}

export function readCertificate(json: unknown): KeyCertificate | undefined {
  const it = readSigned('key', json);
  return it && matches(hex16, it.keyId) && typeof it.publicKey === 'string' ? (it as unknown as KeyCertificate) : undefined;
}

export function readHeartbeat(json: unknown): Heartbeat | undefined {
  const it = readSigned('heartbeat', json);
  if (!it || !matches(channelPattern, it.channel) || !isCount(it.version) || !matches(hex64, it.hash) || !isMode(it.mode)) return undefined;
  return it.everyMs === undefined || isCount(it.everyMs, 3_600_000) ? (it as unknown as Heartbeat) : undefined;
}

export function readSnapshotHeader(json: unknown): SnapshotHeader | undefined {
  const it = readSigned('snapshot', json);
  const good =
    it &&
    matches(channelPattern, it.channel) &&
    isCount(it.version) &&
    matches(hex64, it.hash) &&
    isMode(it.mode) &&
    isCount(it.count, limits.snapshotEntries) &&
    matches(hex64, it.digest) &&
    matches(hex64, it.sha256);
  return good ? (it as unknown as SnapshotHeader) : undefined;
}

export function readBatch(json: unknown): Batch | undefined {
  const it = readSigned('batch', json);
  if (!it || !matches(channelPattern, it.channel) || !isCount(it.version) || it.version === 0) return undefined;
  if (!matches(hex64, it.prev) || !isMode(it.mode) || !isCount(it.count, limits.snapshotEntries) || !matches(hex64, it.digest))
    return undefined;
  const changes = it.changes;
  if (!Array.isArray(changes) || changes.length > limits.batchChanges || !changes.every(isChange)) return undefined;
  return it as unknown as Batch;
}

export function readOrder(json: unknown): ControlOrder | undefined {
  const it = readSigned('control', json);
  if (!it || !matches(idPattern, it.control) || !isCount(it.version) || typeof it.name !== 'string' || it.name.length > 300)
    return undefined;
  const { channels, kinds: wanted, allow } = it;
  const good =
    Array.isArray(channels) &&
    channels.length <= limits.channels &&
    channels.every((name) => matches(channelPattern, name)) &&
    new Set(channels).size === channels.length &&
    Array.isArray(wanted) &&
    wanted.length <= valueKinds.length &&
    wanted.every(isKind) &&
    isCount(it.minConfidence, 100) &&
    isCount(it.capacity) &&
    isCount(it.delayMs, 7 * 86_400_000) &&
    Array.isArray(allow) &&
    allow.length <= limits.allowEntries &&
    allow.every(
      (one: unknown) => typeof one === 'object' && one !== null && isKind((one as Fields).kind) && isPlainValue((one as Fields).value),
    );
  return good ? (it as unknown as ControlOrder) : undefined;
}

/** One line of a snapshot: [id, kind, value, action, strength, confidence, until]. */
export function readEntry(json: unknown): WireDecision | undefined {
  if (!Array.isArray(json) || json.length < 7) return undefined;
  const [id, kind, value, action, strength, confidence, until] = json as unknown[];
  const decision = { id, kind, value, action, strength, confidence, until };
  return isDecision(decision) ? (decision as WireDecision) : undefined;
}

function isDecision(it: Fields): boolean {
  return (
    matches(idPattern, it.id) &&
    isKind(it.kind) &&
    isPlainValue(it.value) &&
    (it.action === 'block' || it.action === 'allow') &&
    (it.strength === strengths[0] || it.strength === strengths[1]) &&
    isCount(it.confidence, 100) &&
    (it.until === null || !Number.isNaN(timeMs(it.until)))
  );
}

function isChange(json: unknown): json is WireChange {
  if (typeof json !== 'object' || json === null) return false;
  const it = json as Fields;
  if (it.op === 'add') return isDecision(it);
  return it.op === 'remove' && matches(idPattern, it.id) && isKind(it.kind) && isPlainValue(it.value) && reasons.has(it.reason);
}
