import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '../limits.ts';
import { linesOf } from '../lines.ts';
import { TargetError } from './target.ts';

export type ProgramRun = {
  readonly argv: readonly string[];
  readonly input?: Iterable<string>;
  /**
   * The same as a file on standard input, for programs that open /dev/stdin by its name: what Node gives a child is a socket, and a socket
   * cannot be opened that way.
   */
  readonly inputFile?: string;
  readonly timeoutMs: number;
  /** Takes the output while it comes. Without it the output is thrown away. */
  output?(chunks: AsyncIterable<Uint8Array>): Promise<void>;
};

/** Runs a program without a shell: values reach it as bytes on its standard input, never as words that something might interpret. */
export async function runProgram(run: ProgramRun): Promise<void> {
  const [file, ...args] = run.argv;
  if (file === undefined) throw new TargetError('program_missing', 'no program is configured');
  const stdin = run.inputFile === undefined ? undefined : await unnamedFile(run.inputFile);
  const child = spawn(file, args, {
    stdio: [stdin?.fd ?? 'pipe', run.output ? 'pipe' : 'ignore', 'pipe'],
    timeout: run.timeoutMs,
    killSignal: 'SIGKILL',
  });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    if (complaint.length < 2_000) complaint += chunk.toString('utf8');
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(new TargetError('program_missing', `${file}: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new TargetError('program_failed', `${file} ended with ${signal ?? code}: ${complaint.trim().slice(0, 300)}`));
    });
  });
  // A program that ends before it has read everything breaks the pipe; its exit code says the rest.
  child.stdin?.on('error', () => {});
  const reading = run.output && child.stdout ? run.output(bounded(child.stdout)) : Promise.resolve();
  reading.catch(() => child.kill('SIGKILL'));
  const writing = writeAll(child.stdin, run.input ?? []);
  try {
    await Promise.all([ended, reading, writing]);
  } finally {
    await stdin?.close();
  }
}

/** A file that has no name any more: it goes with its last handle, whatever happens to this process. */
async function unnamedFile(content: string): Promise<FileHandle> {
  const path = join(tmpdir(), `rebato-${randomBytes(12).toString('hex')}`);
  await writeFile(path, content, { mode: 0o600, flag: 'wx' });
  try {
    return await open(path, 'r');
  } finally {
    await unlink(path);
  }
}

async function writeAll(stdin: NodeJS.WritableStream | null, input: Iterable<string>): Promise<void> {
  if (!stdin) return;
  let open = true;
  stdin.once('close', () => {
    open = false;
  });
  for (const text of input) {
    if (!open) return;
    if (!stdin.write(text)) {
      await new Promise<void>((resolve) => {
        stdin.once('drain', resolve);
        stdin.once('close', resolve);
      });
    }
  }
  stdin.end();
}

async function* bounded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > limits.programBytes) throw new TargetError('program_output', 'the program says more than it may');
    yield chunk;
  }
}

/** The JSON values of a program's output, one per line. */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown[]> {
  for await (const lines of linesOf(chunks, limits.programLineBytes))
    yield lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line));
}
