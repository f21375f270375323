import { setTimeout as wait } from 'node:timers/promises';
import { Stop } from './exits.ts';
import { shown } from './output.ts';
import { isRow, rows, text } from './rows.ts';

/** The longest that the hub takes over an answer; a bulk import is the slowest. */
const answerMaxMs = 5 * 60_000;
/** Answers are pages and documents. The trail and streams are read piece by piece and do not count. */
const answerMaxBytes = 256 * 1024 * 1024;
/** How often a request is sent again after "too many requests". The hub did nothing with it, so that is safe. */
const waitsMax = 20;
/** A hub that asks for more than this is not waited for. */
const waitMaxMs = 60_000;

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;
export type Sent = {
  readonly query?: Query;
  readonly json?: unknown;
  readonly bytes?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** No credential. */
  readonly anonymous?: boolean;
};

export type Hub = {
  readonly url: string;
  /** Sends and reads JSON; undefined for an answer without a body. Throws Stop for anything but 2xx. */
  call(method: string, path: string, sent?: Sent): Promise<unknown>;
  /** The answer as it comes, for streams and files. Throws Stop for anything but 2xx. */
  open(method: string, path: string, sent?: Sent & { readonly signal?: AbortSignal }): Promise<Response>;
  /** Status and text whatever the status is; undefined when nothing answers. */
  probe(path: string, sent?: Sent): Promise<{ readonly status: number; readonly text: string; readonly date: string | null } | undefined>;
};

/** A path with its parameters escaped, as in ``path`/api/v1/events/${id}` ``. */
export const path = (parts: TemplateStringsArray, ...values: readonly string[]): string =>
  parts.reduce((whole, part, index) => `${whole}${encodeURIComponent(values[index - 1] ?? '')}${part}`);

export function createHub(options: { readonly url: string; readonly key: () => Promise<string> }): Hub {
  const base = options.url;

  async function request(method: string, path: string, sent: Sent, signal?: AbortSignal): Promise<Response> {
    const url = new URL(base + path);
    for (const [name, value] of Object.entries(sent.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
    const headers: Record<string, string> = { accept: 'application/json', ...sent.headers };
    if (sent.anonymous !== true) headers.authorization = `Bearer ${await options.key()}`;
    if (sent.json !== undefined) headers['content-type'] = 'application/json';
    if (sent.bytes !== undefined) headers['content-type'] ??= 'application/octet-stream';
    const body = sent.json === undefined ? sent.bytes : JSON.stringify(sent.json);
    for (let waits = 0; ; waits += 1) {
      const response = await send(url, {
        method,
        headers,
        // A redirect would carry the key, and the change, to an address that nobody chose.
        redirect: 'manual',
        signal: signal ?? AbortSignal.timeout(answerMaxMs),
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      });
      const waitMs = Number(response.headers.get('retry-after') ?? 'NaN') * 1_000;
      if (response.status !== 429 || waits >= waitsMax || !(waitMs >= 0 && waitMs <= waitMaxMs)) return response;
      await response.body?.cancel();
      await wait(waitMs);
    }
  }

  async function send(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init);
    } catch (error) {
      throw unreachable(error);
    }
  }

  function unreachable(error: unknown): Stop {
    return new Stop('unreachable', `The hub at ${base} does not answer: ${reasonOf(error)}. Is it running, and is --url right?`);
  }

  async function open(method: string, path: string, sent: Sent & { readonly signal?: AbortSignal } = {}): Promise<Response> {
    const response = await request(method, path, sent, sent.signal);
    if (response.ok) return response;
    throw refusal(response.status, await read(response).catch(() => ''));
  }

  async function read(response: Response): Promise<string> {
    const parts: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const part of response.body ?? []) {
        size += part.length;
        if (size > answerMaxBytes) throw new Stop('hubFailed', `The hub's answer is larger than ${answerMaxBytes >> 20} MiB.`);
        parts.push(part);
      }
    } catch (error) {
      throw error instanceof Stop ? error : unreachable(error);
    }
    return Buffer.concat(parts).toString('utf8');
  }

  /** The problem document as a sentence and its fields; anything else is not from a hub. */
  function refusal(status: number, raw: string): Stop {
    const problem = parse(raw);
    const exit = status >= 500 ? 'hubFailed' : 'refused';
    if (!isRow(problem) || text(problem, 'code') === '')
      return new Stop('hubFailed', `What answers at ${base} is no Rebato hub, or something between changed its answer (status ${status}).`);
    const lines = [`${shown(text(problem, 'detail') || text(problem, 'title'))} (${shown(text(problem, 'code'))})`];
    for (const each of rows(problem, 'errors')) lines.push(`  ${shown(text(each, 'field'))}: ${shown(text(each, 'message'))}`);
    if (status >= 500) lines.push(`  The hub's log has more under ${shown(text(problem, 'instance'))}.`);
    return new Stop(exit, lines.join('\n'), problem);
  }

  return {
    url: base,
    open,
    async call(method, path, sent) {
      const response = await open(method, path, sent);
      const raw = await read(response);
      if (raw === '') return undefined;
      const body = parse(raw);
      if (body === undefined) throw new Stop('hubFailed', `What answers at ${base} is no Rebato hub: the answer is not JSON.`);
      return body;
    },
    async probe(path, sent = {}) {
      try {
        const response = await request('GET', path, sent);
        return { status: response.status, text: await read(response), date: response.headers.get('date') };
      } catch (error) {
        if (error instanceof Stop && error.exit === 'unreachable') return undefined;
        throw error;
      }
    },
  };
}

/** The body of an answer piece by piece. A connection that breaks ends it with a Stop and not as if all had come. */
export async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) yield chunk as Uint8Array;
  } catch (error) {
    throw new Stop('unreachable', `The connection broke before the answer was complete: ${reasonOf(error)}.`);
  }
}

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}

/** The innermost reason: `fetch failed` says nothing. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${answerMaxMs / 60_000} minutes`;
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
