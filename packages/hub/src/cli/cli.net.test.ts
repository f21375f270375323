import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTestHub } from '#test/hub';
import { run } from './testing/run.ts';

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

test('the whole path of a member: admitted, with people, a key and a control; reports, reads, blocks, retracts', async () => {
  await using hub = await startTestHub();
  const folder = await mkdtemp(join(tmpdir(), 'rebato-cli-'));
  const asAdmin = (...argv: string[]) => run(hub.url, argv, { key: hub.admin.key, now: new Date() });
  const fine = async (...argv: string[]) => {
    const ran = await asAdmin(...argv);
    assert.equal(ran.code, 0, `${argv.join(' ')}: ${ran.out}${ran.err}`);
    return ran;
  };
  try {
    // Members.
    assert.match((await fine('entity', 'kinds')).out, /public/);
    const added = await fine('entity', 'add', 'Ayuntamiento de Alba', '--kind', 'public', '--region', 'ES-MD', '--json');
    const entityId = (JSON.parse(added.out) as { id: string }).id;
    await fine('entity', 'add', 'Hospital de Boira', '--kind', 'public', '--critical');
    assert.match((await fine('entity', 'list', '--all')).out, /Hospital de Boira +public +\w+ +- +critical/);
    assert.equal((await asAdmin('entity', 'add', 'Hospital de Boira', '--kind', 'public')).code, 1);
    await fine('entity', 'asset', 'hospital de boira', '198.51.100.0/24', '--kind', 'net', '--note', 'campus');
    assert.match((await fine('entity', 'show', 'Hospital de Boira')).out, /198\.51\.100\.0\/24 +campus/);
    await fine('level', 'set', 'Hospital de Boira', 'gold', '--reason', 'for the test');
    assert.match((await fine('level', 'history', 'Hospital de Boira')).out, /for the test/);
    assert.match((await fine('level', 'list')).out, /gold/);
    assert.equal((await asAdmin('level', 'set', 'Hospital de Boira', 'platinum', '--reason', 'no such level')).code, 1);

    // People.
    const invited = await fine('user', 'add', 'ana@alba.example', '--name', 'Ana Roca', '--role', 'manager', '--entity', entityId);
    assert.ok(invited.out.includes(`${hub.url}/enrol#`), invited.out);
    assert.match((await fine('user', 'list')).out, /Ana Roca +ana@alba\.example +manager +Ayuntamiento de Alba +active/);
    assert.equal((await asAdmin('user', 'add', 'not a mail', '--name', 'X')).code, 1);
    await fine('entity', 'asset', 'Ayuntamiento de Alba', 'alba.example', '--kind', 'mail_domain');
    const soc = ['--entity', entityId, '--manager', 'Ana Roca', '--mail', 'ana@alba.example', '--serves', 'Hospital de Boira'];
    await fine('soc', 'add', 'Ayuntamiento de Alba', ...soc);
    assert.equal((await asAdmin('soc', 'add', 'Another name', ...soc)).code, 1);
    assert.match((await fine('soc', 'list')).out, /Ayuntamiento de Alba +Ayuntamiento de Alba +own +Ana Roca +Hospital de Boira/);
    const ana = uuid.exec(invited.out)?.[0] ?? '';
    assert.ok((await fine('user', 'link', ana)).out.includes('/enrol#'));
    await fine('user', 'disable', ana);
    await fine('user', 'enable', ana);

    // A key that stands alone on standard output, and is accepted.
    const made = await fine('key', 'create', '--entity', entityId, '--label', 'SIEM', '--scope', 'read,report,control');
    assert.match(made.out, /^\S+\n$/);
    assert.match(made.err, /SIEM/);
    const key = made.out.trim();
    const asAlba = (...argv: string[]) => run(hub.url, argv, { key, now: new Date() });
    assert.match((await fine('key', 'list', '--entity', 'Ayuntamiento de Alba')).out, /SIEM +read, report, control/);
    assert.equal((await asAlba('entity', 'add', 'Mine', '--kind', 'public')).code, 1);

    // A report from standard input, and what became of it.
    const sent = await run(hub.url, ['report', 'submit', '-', '--title', 'Phishing', '--tlp', 'green', '--json'], {
      key,
      stdin: 'seen hxxp://evil-login[.]example-bank[.]xyz/a and 185.220.101[.]7 today',
      now: new Date(),
    });
    assert.equal(sent.code, 0, sent.err);
    const report = JSON.parse(sent.out) as { id: string; events: string[] };
    await hub.settled();
    assert.match((await asAlba('report', 'list')).out, new RegExp(report.id));
    assert.match((await asAlba('report', 'show', report.id)).out, /published|assessing/);
    const preview = await asAlba('report', 'submit', '--preview', '--text', '185.220.101.7 and 127.0.0.1');
    assert.equal(preview.code, 0, preview.err);
    assert.match(preview.out, /refuse .*127\.0\.0\.1/);

    // The rest of the network has it.
    assert.match((await fine('event', 'list')).out, /Phishing/);
    const eventId = report.events[0] ?? '';
    assert.match((await fine('event', 'show', eventId)).out, /185\.220\.101\.7/);
    assert.match((await fine('event', 'values', eventId)).out, /185\.220\.101\.7/);
    const misp = join(folder, 'event.json');
    await fine('event', 'export', eventId, '--format', 'misp', '--output', misp);
    assert.ok('Event' in (JSON.parse(await readFile(misp, 'utf8')) as object));
    assert.match((await fine('event', 'export', eventId, '--format', 'stix')).out, /"bundle"/);
    await fine('event', 'comment', eventId, 'seen here, too');
    assert.match((await fine('lookup', '185.220.101[.]7', 'nonsense value')).out, /^185\.220\.101\.7 \(ip\): 1 event/);
    assert.match((await asAlba('sight', '185.220.101[.]7')).out, /^1 sighting told/);

    // Its decision, by value in another spelling.
    assert.match((await fine('decision', 'list')).out, /block +ip +185\.220\.101\.7/);
    assert.match((await fine('decision', 'show', '185.220.101[.]7')).out, /Evidence/);
    const lifted = await asAlba('decision', 'lift', '185.220.101.7', '--reason', 'our own scanner', '--false-positive', '--until', '12h');
    assert.equal(lifted.code, 0, lifted.err);
    await hub.settled();
    assert.match((await fine('decision', 'declared')).out, /185\.220\.101\.7/);
    assert.match((await asAlba('decision', 'lifts')).out, /our own scanner/);
    await asAlba('decision', 'restore', uuid.exec(lifted.out)?.[0] ?? '');
    await fine('decision', 'consolidate', '185.220.101.7', '--reason', 'confirmed');
    await fine('decision', 'retract', '185.220.101.7', '--reason', 'it was a scanner');
    await hub.settled();
    const gone = await asAdmin('decision', 'show', '185.220.101.7');
    assert.equal(gone.code, 2, gone.out);
    assert.match((await fine('decision', 'list', '--gone')).out, /185\.220\.101\.7/);
    await fine('event', 'retract', eventId, '--reason', 'withdrawn');

    // Controls and the halt.
    const control = await asAlba('control', 'add', 'edge firewall', '--target', 'nftables', '--kinds', 'ip,net', '--allow', 'ip:192.0.2.7');
    assert.equal(control.code, 0, control.err);
    assert.match(control.out, /npx rebato-agent enrol --hub \S+ --token rbe_\w+/);
    const controlId = uuid.exec(control.out)?.[0] ?? '';
    assert.match((await asAlba('control', 'list')).out, /edge firewall +nftables +agent/);
    assert.match((await asAlba('control', 'show', controlId)).out, /192\.0\.2\.7/);
    assert.equal((await asAlba('control', 'change', controlId, '--min-confidence', '50')).code, 0);
    assert.match((await asAlba('control', 'token', controlId)).out, /--token rbe_/);
    assert.equal((await asAlba('control', 'silent')).code, 0);
    assert.equal((await asAlba('control', 'revoke', controlId)).code, 0);
    assert.equal((await asAlba('halt', 'on', '--reason', 'may not')).code, 1);
    await fine('halt', 'on', '--reason', 'a wrong list');
    assert.match((await fine('halt', 'status')).out, /^Halted since .*: a wrong list/);
    await fine('halt', 'off', '--reason', 'it is right again');

    // Imports, whole files or nothing.
    await writeFile(join(folder, 'broken.json'), '{"Event": {"info": "cut');
    const other = { info: 'Other', Attribute: [{ type: 'ip-dst', category: 'Network activity', value: '185.220.101.9', to_ids: true }] };
    await writeFile(join(folder, 'other.json'), JSON.stringify({ Event: other }));
    await rm(misp);
    const imported = await asAlba('import', 'misp', folder);
    assert.equal(imported.code, 6, imported.out + imported.err);
    assert.match(imported.err, /broken\.json: .*\n {2}line 1, column/);
    assert.match(imported.out, /1 of 2 files imported/);
    assert.match((await asAlba('import', 'misp', join(folder, 'other.json'))).out, /1 known from before/);
    const list = join(folder, 'list.json');
    await writeFile(
      list,
      JSON.stringify({
        name: 'Test list',
        description: 'd',
        version: 1,
        type: 'cidr',
        list: ['203.0.113.0/24'],
        matching_attributes: ['ip-dst'],
      }),
    );
    assert.match((await fine('import', 'warninglist', list)).out, /Test list: 1 entry/);
    assert.match((await fine('guard', 'lists')).out, /Test list/);
    await writeFile(list, JSON.stringify({ namespace: 'weather', version: 1, predicates: [{ value: 'windy' }] }));
    assert.match((await fine('import', 'taxonomy', list)).out, /weather: version 1, 1 tag/);
    assert.match((await fine('taxonomy', 'show', 'weather')).out, /weather:windy/);
    assert.match((await fine('queue', 'list')).out, /\w/);
    assert.equal((await asAdmin('queue', 'accept', eventId)).code, 1);

    await fine('entity', 'suspend', 'Hospital de Boira');
    await fine('entity', 'readmit', 'Hospital de Boira');

    // The trail, and the doctor.
    await fine('trail', 'sign');
    assert.match((await fine('trail', 'verify')).out, /^The trail is whole: \d+ entries, 1 checkpoint/);
    await fine('trail', 'export', join(folder, 'trail.jsonl'));
    assert.match(await readFile(join(folder, 'trail.jsonl'), 'utf8'), /trail-end/);
    assert.equal((await asAlba('trail', 'verify')).code, 1);
    const doctor = await run(hub.url, ['doctor'], { key: hub.admin.key, now: new Date(), env: { REBATO_DATA_DIR: hub.dataDir } });
    assert.equal(doctor.code, 0, doctor.out);
    assert.match(doctor.out, /ok {4}hub: ready/);
    assert.match(doctor.out, /ok {4}log: keeps up/);

    // Rotated: the old key and its successor work; revoked: cut off.
    const keyId = /^[a-z0-9]+_([a-z0-9]{16})_/.exec(key)?.[1] ?? '';
    const next = (await fine('key', 'rotate', keyId)).out.trim();
    assert.equal((await run(hub.url, ['event', 'list'], { key: next })).code, 0);
    assert.equal((await asAlba('event', 'list')).code, 0);
    await fine('key', 'revoke', keyId);
    assert.equal((await asAlba('event', 'list')).code, 1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('stream: prints what is released while it follows', async () => {
  await using hub = await startTestHub();
  const alice = await hub.member('Ayuntamiento de Alba');
  const bob = await hub.member('Hospital de Boira');
  const following = run(hub.url, ['stream', '--count', '1', '--once'], { key: bob.key });
  // Reports until the follower has heard of one: it says nothing when it begins to listen.
  let ended = false;
  void following.finally(() => {
    ended = true;
  });
  for (let tries = 0; tries < 100 && !ended; tries += 1) {
    await alice.post('/api/v1/reports', { title: `Phishing ${tries}`, text: `seen 185.220.101.${tries + 1}` });
    await hub.settled();
  }
  const { code, out, err } = await following;
  assert.equal(code, 0, err);
  assert.match(out, /^2\d{3}-\S+ {2}\S+/);
  assert.match(err, /--after \S+/);
});
