import { Worker } from 'node:worker_threads';
import { readerMaxBufferBytes, readerMaxHeapMiB, readerMaxMs, readerPollMs } from './limits.ts';
import type { PlainMail } from './mail-plain.ts';
import type { PlainPdf } from './pdf-plain.ts';

type Results = { readonly pdf: PlainPdf; readonly mail: PlainMail; readonly html: string };
export type ReaderRequest = { readonly kind: keyof Results; readonly bytes: Uint8Array };
export type ReaderReply<T> = { readonly ok: true; readonly result: T } | { readonly ok: false; readonly message: string };
/** For tests; otherwise the bounds of limits.ts. */
export type ReaderLimits = { readonly maxMs?: number; readonly maxHeapMiB?: number; readonly maxBufferBytes?: number };

const tooLong = 'opening this file takes too long';
const tooMuch = 'opening this file takes too much memory';

/**
 * Opens a document in a thread of its own that is ended when it takes too long or too much: the heap is bounded by V8, buffers outside it
 * (into which a compressed stream unfolds) by asking the thread every tenth of a second. A hostile file costs this much and no more.
 */
export function readInThread<K extends keyof Results>(
  kind: K,
  bytes: Uint8Array,
  limits: ReaderLimits = {},
): Promise<ReaderReply<Results[K]>> {
  const maxHeap = limits.maxHeapMiB ?? readerMaxHeapMiB;
  const maxBuffers = limits.maxBufferBytes ?? readerMaxBufferBytes;
  const worker = new Worker(new URL('./reader-thread.ts', import.meta.url), {
    workerData: { kind, bytes } satisfies ReaderRequest,
    resourceLimits: { maxOldGenerationSizeMb: maxHeap, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
    // Nothing of ours is anything to a parser: no environment, no output.
    env: {},
    stdout: true,
    stderr: true,
  });
  return new Promise((resolve) => {
    const end = (reply: ReaderReply<Results[K]>) => {
      clearTimeout(deadline);
      clearInterval(poll);
      resolve(reply);
      void worker.terminate();
    };
    const deadline = setTimeout(() => end({ ok: false, message: tooLong }), limits.maxMs ?? readerMaxMs);
    const poll = setInterval(() => {
      worker.getHeapStatistics().then(
        (heap) => heap.external_memory > maxBuffers && end({ ok: false, message: tooMuch }),
        () => undefined,
      );
    }, readerPollMs);
    worker.on('message', (message: { result?: Results[K]; broken?: true }) => {
      end(message.result === undefined ? { ok: false, message: 'this file cannot be read' } : { ok: true, result: message.result });
    });
    worker.on('error', (error: Error & { code?: string }) => {
      end({ ok: false, message: error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooMuch : 'this file cannot be read' });
    });
    worker.on('exit', () => end({ ok: false, message: 'this file cannot be read' }));
    // Output of the libraries is dropped, and must be read to be dropped.
    worker.stdout.resume();
    worker.stderr.resume();
  });
}
