import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { programOf } from './peers.ts';

/** Two machines in the kernel of this one, joined by a cable: `inside`, which is to be protected, and `outside`, which has the attacker's address. */
export type TwoMachines = {
  readonly inside: string;
  readonly outside: string;
  run(machine: string, ...argv: readonly string[]): string;
  /** A server that greets, on a port of the machine. */
  serve(machine: string, address: string, port: number): Promise<void>;
  /** Connects from a machine: `greeted`, or how it failed. A packet that is dropped is not answered, so that it takes `patienceMs`. */
  connect(machine: string, address: string, port: number): 'greeted' | 'silent' | 'refused';
  [Symbol.asyncDispose](): Promise<void>;
};

/** On this machine an answer takes a millisecond. Three seconds leave room for one lost turn of the processor and one retransmission. */
const patienceMs = 3_000;

const ip = programOf('iproute2');

/** Why namespaces or the packet filter are not to be had here, or false. */
export function withoutNamespaces(): string | false {
  const probe = `rebato-probe-${process.pid}`;
  if (spawnSync(ip, ['netns', 'add', probe]).status !== 0) return 'network namespaces are not permitted here';
  const works = spawnSync(ip, ['netns', 'exec', probe, programOf('nftables'), 'add', 'table', 'inet', 'probe']).status === 0;
  execFileSync(ip, ['netns', 'del', probe]);
  return works ? false : 'the kernel has no nf_tables';
}

export async function startTwoMachines(addresses: { readonly inside: string; readonly outside: readonly string[] }): Promise<TwoMachines> {
  const inside = `rebato-in-${process.pid}`;
  const outside = `rebato-out-${process.pid}`;
  const servers: ChildProcess[] = [];
  const run = (machine: string, ...argv: readonly string[]): string =>
    execFileSync(ip, ['netns', 'exec', machine, ...argv], { encoding: 'utf8', stdio: 'pipe' });
  const remove = async (): Promise<void> => {
    for (const server of servers) {
      const gone = new Promise((done) => server.once('exit', done));
      if (server.exitCode === null && server.kill('SIGKILL')) await gone;
    }
    // The cable goes with its ends.
    for (const machine of [inside, outside]) spawnSync(ip, ['netns', 'del', machine]);
  };
  try {
    for (const machine of [inside, outside]) execFileSync(ip, ['netns', 'add', machine]);
    execFileSync(ip, ['link', 'add', 'wire', 'netns', inside, 'type', 'veth', 'peer', 'name', 'wire', 'netns', outside]);
    for (const machine of [inside, outside]) for (const link of ['lo', 'wire']) run(machine, ip, 'link', 'set', link, 'up');
    run(inside, ip, 'addr', 'add', `${addresses.inside}/24`, 'dev', 'wire');
    for (const address of addresses.outside) run(outside, ip, 'addr', 'add', `${address}/32`, 'dev', 'wire');
    // Neither has a gateway: everything is on the cable.
    run(inside, ip, 'route', 'add', 'default', 'dev', 'wire');
    run(outside, ip, 'route', 'add', 'default', 'dev', 'wire');
  } catch (error) {
    await remove();
    throw error;
  }

  return {
    inside,
    outside,
    run,
    async serve(machine, address, port) {
      const script = `require('node:net').createServer((s) => s.on('error', () => {}).end('hello')).listen(${port}, '${address}', () => console.log('up'))`;
      const server = spawn(ip, ['netns', 'exec', machine, process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      servers.push(server);
      await new Promise<void>((done, refuse) => {
        createInterface({ input: server.stdout }).once('line', () => done());
        server.once('exit', () => refuse(new Error(`the server on ${address} ended`)));
      });
    },
    connect(machine, address, port) {
      const script = `const s = require('node:net').connect(${port}, '${address}');
        const end = (word) => { console.log(word); process.exit(); };
        s.once('data', () => end('greeted')).once('error', (error) => end(['ETIMEDOUT', 'EPERM'].includes(error.code) ? 'silent' : 'refused'));
        setTimeout(end, ${patienceMs}, 'silent');`;
      return run(machine, process.execPath, '-e', script).trim() as 'greeted' | 'silent' | 'refused';
    },
    [Symbol.asyncDispose]: remove,
  };
}
