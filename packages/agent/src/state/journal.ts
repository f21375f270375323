import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** One record per line: eight hex digits of CRC-32 over the JSON, a blank, the JSON. */
export function encodeRecord(json: string): string {
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

/** The JSON of a line, or undefined if a bit of it is not as it was written. */
export function decodeRecord(line: string): unknown {
  if (line.length < 10 || line[8] !== ' ') return undefined;
  const json = line.slice(9);
  if (crc32(json).toString(16).padStart(8, '0') !== line.slice(0, 8)) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

type Waiting = { readonly text: string; readonly durable: boolean; resolve(): void; reject(error: unknown): void };

/**
 * An append-only file. Records that arrive while one write is under way share the next one, so a burst costs one sync. After a failed write
 * nothing more is appended: a record behind a torn one would be lost at the next start.
 */
export class Journal {
  readonly #handle: FileHandle;
  #waiting: Waiting[] = [];
  #writing = false;
  #failure: unknown;
  #bytes: number;
  #unsynced = false;
  #idle: (() => void)[] = [];

  private constructor(handle: FileHandle, bytes: number) {
    this.#handle = handle;
    this.#bytes = bytes;
  }

  static async open(path: string): Promise<Journal> {
    const handle = await open(path, 'a', 0o600);
    return new Journal(handle, (await handle.stat()).size);
  }

  get bytes(): number {
    return this.#bytes;
  }
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves when the record is written and, if `durable`, would survive a power cut. */
  append(record: unknown, durable: boolean): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const text = encodeRecord(JSON.stringify(record));
      this.#waiting.push({ text, durable, resolve, reject });
      if (!this.#writing) void this.#drain();
    });
  }

  async close(): Promise<void> {
    if (this.#writing) await new Promise<void>((resolve) => this.#idle.push(resolve));
    try {
      if (this.#unsynced) await this.#handle.datasync();
    } finally {
      await this.#handle.close();
    }
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        const data = Buffer.from(group.map((one) => one.text).join(''), 'utf8');
        for (let at = 0; at < data.length; ) at += (await this.#handle.write(data, at)).bytesWritten;
        this.#bytes += data.length;
        this.#unsynced = true;
        if (group.some((one) => one.durable)) {
          await this.#handle.datasync();
          this.#unsynced = false;
        }
        for (const one of group) one.resolve();
      } catch (error) {
        this.#failure = error;
        for (const one of [...group, ...this.#waiting]) one.reject(error);
        this.#waiting = [];
      }
    }
    this.#writing = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
