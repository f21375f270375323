import { parentPort, workerData } from 'node:worker_threads';
import type { ReaderRequest } from './reader.ts';

/** Body of the thread that opens one document and ends. See reader.ts. */
async function read({ kind, bytes }: ReaderRequest): Promise<unknown> {
  switch (kind) {
    case 'pdf':
      return (await import('./pdf-plain.ts')).pdfToPlain(bytes);
    case 'mail':
      return (await import('./mail-plain.ts')).mailToPlain(bytes);
    case 'html': {
      const { decodeText } = await import('./text-bytes.ts');
      return (await import('./html-plain.ts')).htmlToPlain(decodeText(bytes));
    }
  }
}

// A parser's forgotten promise does not make its result wrong.
process.on('unhandledRejection', () => undefined);

read(workerData as ReaderRequest).then(
  (result) => parentPort?.postMessage({ result }),
  () => parentPort?.postMessage({ broken: true }),
);
