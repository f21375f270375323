import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** Talks to the hub of the demo the way anybody would: over HTTP with a key. */
export type Caller = <T>(method: string, path: string, body?: unknown) => Promise<T>;

export function caller(url: string, key: string): Caller {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const raw = body instanceof Uint8Array;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': raw ? 'application/octet-stream' : 'application/json' }),
      },
      ...(body === undefined ? {} : { body: raw ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
}

export type Member = { readonly id: string; readonly name: string; readonly role: string; readonly key: string; readonly call: Caller };

export async function addMember(
  url: string,
  admin: Caller,
  input: { readonly name: string; readonly kind: string; readonly role: string; readonly level?: string; readonly critical?: boolean },
): Promise<Member> {
  const entity = await admin<{ id: string }>('POST', '/api/v1/entities', {
    name: input.name,
    kind: input.kind,
    ...(input.critical === undefined ? {} : { critical: input.critical }),
  });
  if (input.level !== undefined)
    await admin('PUT', `/api/v1/entities/${entity.id}/level`, { level: input.level, reason: 'the demo begins with it' });
  const { key } = await admin<{ key: string }>('POST', '/api/v1/keys', {
    label: `demo of ${input.name}`,
    entityId: entity.id,
    scopes: ['read', 'report', 'control'],
  });
  return { id: entity.id, name: input.name, role: input.role, key, call: caller(url, key) };
}

export async function sendSample(member: Member, file: string, title: string): Promise<{ id: string; events: string[] }> {
  const path = join(import.meta.dirname, 'samples', file);
  return member.call('POST', `/api/v1/reports/file?name=${basename(file)}&title=${encodeURIComponent(title)}`, await readFile(path));
}

export type Card = {
  readonly id: string;
  readonly value: string;
  readonly enforcement: readonly {
    readonly control: string;
    readonly name: string;
    readonly state: string;
    readonly at: string;
    readonly ms: number | null;
  }[];
};

/** Waits until a condition holds, with a limit; the demo must never hang. */
export async function until<T>(what: string, limitMs: number, look: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > end) throw new Error(`The demo waited ${limitMs / 1000} s in vain: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
