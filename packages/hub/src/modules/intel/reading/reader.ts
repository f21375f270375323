import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Log } from '#platform/ports';
import { type InputHint, parseInput } from '../codecs/index.ts';
import type { Draft, DraftAttribute, DraftObject, Parsed } from '../draft.ts';
import { type Answer, type Ask, type DraftShell, partSize } from './parts.ts';

export type Reader = {
  /** As `parseInput`. Large inputs are read by a thread of their own, one after another, so that alerts do not wait for them. */
  read(bytes: Buffer, hint: InputHint): Promise<Parsed>;
  stop(): Promise<void>;
};

/** Smaller inputs take less than ten milliseconds, about what the way to another thread and back costs. */
const asideFromBytes = 32 * 1024;
/** The largest inputs that are allowed take about half of this. A thread that takes longer is caught in a trap and ended. */
const readMaxMs = 120_000;
/** Eight times the largest input, which is what JSON takes while it is read, and room for what is read from it. */
const heapMaxMb = 1_536;

const unreadable: Parsed = { ok: false, problems: [{ message: 'the file could not be read: it takes too much time or memory' }] };

/** Starts its thread with the first large input. A thread that breaks down takes only the input with it that it was reading. */
export function createReader(deps: { readonly log: Log; readonly testing?: { readonly readMaxMs?: number } }): Reader {
  let thread: Worker | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let pending: { resolve(answer: Answer | undefined): void } | undefined;
  let lastId = 0;

  function start(): Worker {
    const worker = new Worker(new URL('./reader-thread.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: heapMaxMb } });
    // It must not keep a process alive that has nothing else to do.
    worker.unref();
    worker.on('message', (answer: Answer) => settle(answer));
    worker.on('error', (error) =>
      deps.log.warn({ err: String(error) }, 'The thread that reads large inputs broke down; it is started again.'),
    );
    worker.on('exit', () => {
      if (thread === worker) thread = undefined;
      settle(undefined);
    });
    return worker;
  }

  function settle(answer: Answer | undefined): void {
    pending?.resolve(answer);
    pending = undefined;
  }

  /** Undefined: the thread is gone. */
  async function ask(question: Ask): Promise<Answer | undefined> {
    thread ??= start();
    const worker = thread;
    const answered = new Promise<Answer | undefined>((resolve) => {
      pending = { resolve };
    });
    worker.ref();
    worker.postMessage(question);
    const timer = setTimeout(() => void worker.terminate(), deps.testing?.readMaxMs ?? readMaxMs);
    try {
      return await answered;
    } finally {
      clearTimeout(timer);
      worker.unref();
    }
  }

  async function readAside(bytes: Buffer, hint: InputHint): Promise<Parsed> {
    const id = ++lastId;
    const answer = await ask({ what: 'read', id, bytes, hint });
    if (answer?.failed !== undefined) return answer.failed;
    if (answer?.shell === undefined) return unreadable;
    const drafts: Draft[] = [];
    for (const [index, shell] of answer.shell.drafts.entries()) {
      const attributes = await parts<DraftAttribute>(id, index, shell, 'attributes');
      const objects = await parts<DraftObject>(id, index, shell, 'objects');
      if (attributes === undefined || objects === undefined) return unreadable;
      // Buffers arrive as plain arrays of bytes.
      const attachments = shell.attachments.map((file) => ({
        ...file,
        bytes: Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength),
      }));
      drafts.push({ ...shell, attributes, objects, attachments });
    }
    await ask({ what: 'done', id });
    return { ...answer.shell, drafts };
  }

  async function parts<T>(id: number, draft: number, shell: DraftShell, of: 'attributes' | 'objects'): Promise<T[] | undefined> {
    const all: T[] = [];
    while (all.length < shell[of]) {
      const answer = await ask({ what: 'part', id, draft, of, from: all.length });
      if (answer?.part === undefined || answer.part.length === 0) return undefined;
      all.push(...(answer.part as T[]));
      if (answer.part.length === partSize) await setImmediate();
    }
    return all;
  }

  return {
    async read(bytes, hint) {
      if (bytes.length < asideFromBytes) return parseInput(bytes, hint);
      const mine = turn.then(() => readAside(bytes, hint));
      turn = mine.catch(() => undefined);
      return mine;
    },
    async stop() {
      await thread?.terminate();
    },
  };
}
