import type { ChannelMode, Envelope } from '@rebato/contract';

/** One server-sent event, ready for any number of readers. `data` is JSON, so it has no line breaks. */
export function frame(event: string, data: unknown): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

export const envelopeOf = (row: { readonly body: string; readonly keyId: string; readonly sig: string }): Envelope => ({
  body: row.body,
  keyId: row.keyId,
  sig: row.sig,
});

export type BatchHead = { readonly mode: ChannelMode; readonly epoch: number; readonly expiresMs: number };

/**
 * What a batch says before its changes, read from the beginning of its text: our own sealer writes these members first, and a batch may be
 * megabytes long. Undefined for a text that is not written so.
 */
export function headOf(text: string): BatchHead | undefined {
  const end = text.indexOf(',"changes":');
  try {
    const head = JSON.parse(end === -1 ? text : `${text.slice(0, end)}}`) as { mode?: unknown; epoch?: unknown; expires?: unknown };
    const expiresMs = Date.parse(String(head.expires));
    if ((head.mode !== 'normal' && head.mode !== 'halt') || typeof head.epoch !== 'number' || Number.isNaN(expiresMs)) return undefined;
    return { mode: head.mode, epoch: head.epoch, expiresMs };
  } catch {
    return undefined;
  }
}

export function splitChannel(channel: string): { readonly shelf: string; readonly lane: string } {
  const slash = channel.indexOf('/');
  return { shelf: channel.slice(0, slash), lane: channel.slice(slash + 1) };
}
