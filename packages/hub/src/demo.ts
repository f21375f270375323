/** `npm run demo`: a whole network on this machine. Members of each kind, agents on real controls, reports, a mistake and how it is taken back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#platform/clock';
import { systemIds } from '#platform/ids';
import { createLog } from '#platform/log';
import { startEmbeddedPostgres } from '#platform/postgres/embedded';
import { startHub } from './app.ts';
import { type DemoControl, makeNamespace, startControl } from './demo/controls.ts';
import { addMember, type Card, caller, type Member, sendSample, until } from './demo/network.ts';

const startedMs = performance.now();
const say = (line = ''): void => void process.stdout.write(`${line}\n`);
const tell = (line: string): void => say(`${`${((performance.now() - startedMs) / 1000).toFixed(2)} s`.padStart(9)}  ${line}`);

/** `--once` ends after the story instead of serving on; for tests. */
const once = process.argv.includes('--once');
const port = Number(process.env.REBATO_PORT ?? (once ? 0 : 7373));
const folder = await mkdtemp(join(tmpdir(), 'rebato-demo-'));
const log = createLog({ level: 'error' });
const controls: DemoControl[] = [];
const cleanUps: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];

try {
  await play();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await Promise.all(controls.map((control) => control.stop()));
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
}

async function play(): Promise<void> {
  const postgres = await startEmbeddedPostgres({ dataDir: folder, log: () => {} });
  cleanUps.push(() => postgres.stop());
  const hub = await startHub({
    databaseUrl: postgres.url,
    dataDir: folder,
    host: '127.0.0.1',
    port,
    publicUrl: undefined,
    name: 'National centre (demo)',
    clock: systemClock,
    ids: systemIds,
    log,
    allowPrivateOutbound: [],
  });
  cleanUps.push(() => hub.stop());
  const admin = caller(hub.url, hub.adminKey ?? '');
  tell(`the hub serves at ${hub.url}`);

  const town = await addMember(hub.url, admin, { name: 'Ayuntamiento de Alba', kind: 'public', role: 'public body with a SOC' });
  const hospital = await addMember(hub.url, admin, {
    name: 'Hospital Comarcal de Boira',
    kind: 'public',
    role: 'public body, critical site',
    critical: true,
  });
  const gold = await addMember(hub.url, admin, { name: 'Centinela Seguridad', kind: 'provider', role: 'provider, gold', level: 'gold' });
  const informed = await addMember(hub.url, admin, { name: 'Faro Ciber', kind: 'provider', role: 'provider, informed (24 h later)' });
  const guest = await addMember(hub.url, admin, { name: 'Universidad invitada', kind: 'guest', role: 'guest' });
  const members = [town, hospital, gold, informed, guest];
  tell('five members have joined');
  await startControls(hub.url, town, hospital, gold);
  tell(`${controls.length} agents are enrolled and connected`);

  say();
  const phishing = await story(
    'Ayuntamiento de Alba pastes what its analyst wrote',
    town,
    '1-phishing.txt',
    'Phishing against town councils',
  );
  await story('Centinela Seguridad sends its botnet list (CSV)', gold, '2-botnet.csv', 'Botnet controllers');
  await story('Centinela Seguridad sends a MISP event', gold, '3-event.json', 'Ransomware precursor');
  await waitingReport(admin, informed, town);
  await held(town, phishing);
  await mistake(admin, town, hospital);
  await delayed(informed, guest);
  await summary(admin);

  say();
  say(
    `Addresses   API ${hub.url}/api/docs   metrics ${hub.url}/metrics   lists ${hub.url}/feeds/all.txt   stream ${hub.url}/api/v1/stream`,
  );
  for (const control of controls) say(`Control     ${control.member.name.padEnd(28)} ${control.shows}`);
  say(`Login       administrator (key)          ${hub.adminKey}`);
  for (const member of members) say(`Login       ${member.name.padEnd(28)} ${member.key}   ${member.role}`);
  say(`First person: ${hub.firstLink}`);
  say(`Try         npx rebato --url ${hub.url} --key KEY report submit FILE`);
  if (once) return;
  say('The demo serves on until you stop it (Ctrl-C). Everything it made is removed then.');
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

async function startControls(url: string, town: Member, hospital: Member, gold: Member): Promise<void> {
  const netns = `rebato-demo-${process.pid}`;
  const space = makeNamespace(netns);
  if ('remove' in space) cleanUps.push(space.remove);
  else tell(`no packet filter in this demo: ${space.why}; the hospital's control is a file instead`);
  const lists = join(folder, 'lists');
  const filter =
    'remove' in space ? { type: 'nftables', netns } : { type: 'file', path: join(lists, 'hospital.txt'), kinds: ['ip', 'net'] };
  const shows = 'remove' in space ? `ip netns exec ${netns} nft list table inet rebato` : `cat ${join(lists, 'hospital.txt')}`;
  const program = join(import.meta.dirname, 'demo/proxy.mjs');
  controls.push(
    await startControl(url, folder, hospital, { name: 'perimeter-firewall', shows, target: filter }),
    await startControl(url, folder, town, {
      name: 'dns-blocklist',
      shows: `cat ${join(lists, 'town.txt')}`,
      target: { type: 'file', path: join(lists, 'town.txt'), kinds: ['ip', 'net', 'domain', 'url'] },
    }),
    await startControl(url, folder, gold, {
      name: 'client-proxy',
      shows: `cat ${join(lists, 'proxy.json')}`,
      target: { type: 'command', argv: [process.execPath, program, join(lists, 'proxy.json')], kinds: ['ip', 'domain', 'url', 'hash'] },
    }),
  );
}

/** Sends a report and tells from the receipts when it was in force where. */
async function story(what: string, member: Member, file: string, title: string): Promise<string> {
  tell(what);
  const ack = await sendSample(member, file, title);
  const eventId = ack.events[0] ?? '';
  const { decisions } = await until('the decisions of the report', 10_000, async () => {
    const found = await member.call<{ decisions: { id: string; kind: string; value: string }[] }>('GET', '/api/v1/decisions?limit=1000');
    const event = await member
      .call<{ items?: { canonical: string; blockable: boolean }[] }>('GET', `/api/v1/events/${eventId}`)
      .catch(() => undefined);
    const wanted = new Set(event?.items?.filter((item) => item.blockable).map((item) => item.canonical));
    const mine = found.decisions.filter((decision) => wanted.has(decision.value));
    return event !== undefined && mine.length >= wanted.size ? { decisions: mine } : undefined;
  });
  await applied(decisions);
  return eventId;
}

async function applied(decisions: readonly { readonly id: string; readonly kind: string; readonly value: string }[]): Promise<void> {
  // An address can be blocked by each of the three controls, so its receipts show the whole network.
  const watched = decisions.find((decision) => decision.kind === 'ip') ?? decisions[0];
  if (watched === undefined) return;
  const receipts = await Promise.all(controls.map((control) => receiptOf(control, watched.id, 'applied')));
  tell(
    `in force: ${decisions.length} decisions; ${watched.value} by receipt at ${receipts.map((receipt) => `${receipt.name} after ${receipt.ms} ms`).join(', ')}`,
  );
}

async function receiptOf(control: DemoControl, decisionId: string, state: string): Promise<Card['enforcement'][number]> {
  return until(`the receipt of ${control.name}`, 20_000, async () => {
    const card = await control.member.call<Card>('GET', `/api/v1/decisions/${decisionId}`).catch(() => undefined);
    return card?.enforcement.find((receipt) => receipt.control === control.id && receipt.state === state);
  });
}

async function waitingReport(admin: ReturnType<typeof caller>, informed: Member, reader: Member): Promise<void> {
  tell('Faro Ciber (informed) reports an address: its reports wait for an assessor');
  await informed.call('POST', '/api/v1/reports', {
    title: 'Brute force against VPN',
    indicators: [{ value: '80.94.95[.]203', comment: 'three thousand attempts' }],
  });
  const item = await until(
    'the queue',
    10_000,
    async () => (await admin<{ items: { id: string; waitingMs: number }[] }>('GET', '/api/v1/queue')).items[0],
  );
  await admin('POST', `/api/v1/queue/${item.id}/verdict`, { outcome: 'accept' });
  const decision = await until('its decision', 10_000, async () => {
    const { decisions } = await reader.call<{ decisions: { id: string; kind: string; value: string }[] }>(
      'GET',
      '/api/v1/decisions?q=80.94.95.203',
    );
    return decisions[0];
  });
  await applied([decision]);
}

async function held(town: Member, eventId: string): Promise<void> {
  const { indicators } = await town.call<{ indicators: { value: string; state: string; reason: string | null }[] }>(
    'GET',
    `/api/v1/reports/events/${eventId}/indicators`,
  );
  for (const row of indicators.filter((each) => each.state === 'held' || each.state === 'refused'))
    tell(`the guard kept ${row.value} out: ${row.reason}`);
}

async function mistake(admin: ReturnType<typeof caller>, town: Member, hospital: Member): Promise<void> {
  say();
  const eventId = await story('Ayuntamiento de Alba reports an address by mistake', town, '4-mistake.txt', 'Scanner');
  const event = await town.call<{ items: { canonical: string }[] }>('GET', `/api/v1/events/${eventId}`);
  const { decisions } = await hospital.call<{ decisions: { id: string; value: string }[] }>(
    'GET',
    `/api/v1/decisions?q=${event.items[0]?.canonical}`,
  );
  const decision = decisions[0];
  if (decision === undefined) throw new Error('The mistaken block has no decision.');
  const liftedMs = performance.now();
  await hospital.call('POST', `/api/v1/decisions/${decision.id}/lift`, { reason: 'this is our pharmacy partner', falsePositive: true });
  const firewall = controls[0];
  if (firewall === undefined) return;
  await until('the lifting at home', 20_000, async () => {
    const card = await hospital.call<Card>('GET', `/api/v1/decisions/${decision.id}`);
    return card.enforcement.find((receipt) => receipt.control === firewall.id && receipt.state === 'lifted');
  });
  tell(`Hospital Comarcal de Boira declares a false positive: lifted at home after ${Math.round(performance.now() - liftedMs)} ms`);
  const ruledMs = performance.now();
  await admin('POST', `/api/v1/decisions/${decision.id}/ruling`, {
    ruling: 'retracted',
    reason: 'confirmed: a pharmacy partner of the hospital',
  });
  await Promise.all(controls.slice(1).map((control) => receiptOf(control, decision.id, 'withdrawn')));
  tell(`an assessor confirms: withdrawn everywhere by receipt after ${Math.round(performance.now() - ruledMs)} ms`);
}

async function delayed(informed: Member, guest: Member): Promise<void> {
  say();
  for (const member of [informed, guest]) {
    const { events } = await member.call<{ events: { title: string }[] }>('GET', '/api/v1/events');
    tell(
      `${member.name} (${member.role}) reads ${events.length === 0 ? 'nothing of this yet' : events.map((event) => event.title).join(', ')}`,
    );
  }
}

async function summary(admin: ReturnType<typeof caller>): Promise<void> {
  const times = await admin<{ total: { count: number; p50: number | null; p95: number | null; p99: number | null } }>(
    'GET',
    '/api/v1/ledger?network=true',
  );
  const { count, p50, p95, p99 } = times.total;
  tell(`time to block over ${count} receipts: p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms`);
  const trail = await admin<{ ok: boolean; entries: number }>('GET', '/api/v1/trail/verification');
  tell(`the trail has ${trail.entries} entries and is ${trail.ok ? 'whole' : 'BROKEN'}`);
}
