import { parentPort, workerData } from 'node:worker_threads';
import { pdfToPlain } from '../pdf-plain.ts';

/** Opens many documents one after the other and says how many had an answer. */
process.on('unhandledRejection', () => undefined);
let answers = 0;
for (const bytes of workerData as Uint8Array[]) {
  const read = await pdfToPlain(bytes);
  if (read.refused !== '' && typeof read.text === 'string') answers++;
}
parentPort?.postMessage(answers);
