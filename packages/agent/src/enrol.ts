import { type EnrolReply, enrolTokenPattern } from '@rebato/contract';
import { limits } from './limits.ts';
import type { Identity } from './state/identity.ts';
import { createHubClient, type HubClient } from './sync/client.ts';
import { importKey, readEnvelope } from './trust/envelope.ts';
import { judgeCertificate, judgeOrder, type KeyRing } from './trust/ring.ts';

/** Enrolment failed; nothing was written. `code` says at which step. */
export class EnrolError extends Error {
  readonly code: 'token' | 'url' | 'refused' | 'reply' | 'root' | 'signature';
  constructor(code: EnrolError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export type EnrolInput = {
  readonly hubUrl: string;
  readonly token: string;
  /** Fingerprint of the root from another source than the token; both must agree. */
  readonly root?: string;
  /** Kind of control, shown at the hub. */
  readonly target: string;
  readonly agentVersion: string;
  readonly name?: string;
  readonly ca?: string;
  /** Allows http to another machine. Batches are signed, but the key of the control is not protected then. */
  readonly plainHttp?: boolean;
  readonly client?: HubClient;
};

/** Exchanges a one-time token for an identity. The root is pinned by the token, so whoever answers must own that root's certificate. */
export async function enrol(input: EnrolInput): Promise<Identity> {
  const token = enrolTokenPattern.exec(input.token);
  if (!token) throw new EnrolError('token', 'this is not an enrolment token');
  const fingerprint = token[3] ?? '';
  const root = input.root?.replaceAll(':', '').toLowerCase();
  if (root !== undefined && root !== fingerprint) throw new EnrolError('root', 'the token names another root key than --root');
  const hubUrl = checkUrl(input.hubUrl, input.plainHttp ?? false);
  const client =
    input.client ??
    createHubClient({
      url: hubUrl,
      key: undefined,
      requestMs: 15_000,
      replyMaxBytes: limits.bodyBytes,
      ...(input.ca === undefined ? {} : { ca: input.ca }),
    });
  try {
    const { status, body } = await client.json('POST', '/api/v1/agent/enrol', {
      token: input.token,
      agent: input.agentVersion,
      target: input.target,
    });
    if (status !== 200 && status !== 201) throw new EnrolError('refused', `the hub refused the token (${status})`);
    return { ...judgeReply(body, fingerprint, input.name), hubUrl };
  } finally {
    if (!input.client) client.close();
  }
}

function judgeReply(body: unknown, fingerprint: string, name: string | undefined): Omit<Identity, 'hubUrl'> {
  const reply = (body ?? {}) as Partial<EnrolReply>;
  for (const field of ['control', 'name', 'key', 'hub', 'root'] as const) {
    if (typeof reply[field] !== 'string' || reply[field] === '') throw new EnrolError('reply', `the hub's reply lacks ${field}`);
  }
  const { control, key, hub } = reply as EnrolReply;
  const root = importKey(reply.root);
  if (!root.ok) throw new EnrolError('root', `the root key is unusable: ${root.detail}`);
  if (root.value.fingerprint !== fingerprint) throw new EnrolError('root', 'the hub shows another root key than the token names');
  const ring: KeyRing = { hub, root: root.value, certified: undefined };
  const certified = judgeCertificate(ring, reply.certificate, Number.NEGATIVE_INFINITY);
  if (!certified.ok) throw new EnrolError('signature', `the certificate is not good: ${certified.detail}`);
  const order = judgeOrder({ ...ring, certified: certified.value }, reply.order, Number.NEGATIVE_INFINITY);
  if (!order.ok) throw new EnrolError('signature', `the order is not good: ${order.detail}`);
  if (order.value.body.control !== control) throw new EnrolError('signature', 'the order is for another control');
  const envelope = readEnvelope(reply.certificate);
  if (!envelope.ok) throw new EnrolError('signature', envelope.detail);
  return {
    hub,
    control,
    key,
    name: name ?? (reply.name as string),
    root: reply.root as string,
    rootFingerprint: fingerprint,
    certificate: envelope.value,
    order: order.value.envelope,
  };
}

function checkUrl(text: string, plainHttp: boolean): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new EnrolError('url', `${text} is not a URL`);
  }
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && (loopback || plainHttp))) {
    throw new EnrolError('url', 'the hub must be reached by https; --plain-http allows http to another machine');
  }
  if (url.username !== '' || url.search !== '' || url.hash !== '') throw new EnrolError('url', 'give the plain address of the hub');
  return url.href.replace(/\/$/, '');
}
