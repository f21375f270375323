import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Answer, type Asked, fakeHub, problem } from './testing/fake-hub.ts';
import { run } from './testing/run.ts';

const head = {
  ...{ namespace: 'weather', version: 3, origin: 'imported', tags: 2, importedAt: '2026-11-23T20:00:00.000Z' },
  label: { es: 'Tiempo', en: 'Weather' },
};

/** Answers as the hub does: built-in ones and broken ones are refused. */
function take({ body }: Asked): Answer {
  const { namespace } = JSON.parse(body) as { namespace?: string };
  if (namespace === 'tlp') return { status: 409, json: problem(409, 'intel.taxonomy_builtin', 'The hub brings tlp with it.') };
  if (namespace === undefined)
    return {
      status: 400,
      json: problem(400, 'intel.taxonomy_invalid', 'The taxonomy was not taken.', [{ field: 'namespace', message: 'is missing' }]),
    };
  return { status: 201, json: { ...head, namespace } };
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rebato-taxonomies-'));
  try {
    for (const namespace of ['nis2', 'tlp']) {
      await mkdir(join(folder, namespace));
      await writeFile(join(folder, namespace, 'machinetag.json'), JSON.stringify({ namespace }));
    }
    await writeFile(join(folder, 'MANIFEST.json'), '{}');
    await writeFile(join(folder, 'README.md'), 'words');
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('import taxonomy: a file goes as it is, an address is fetched from here, and force is passed on', async () => {
  await using hub = await fakeHub({
    'POST /api/v1/taxonomies': take,
    'GET /elsewhere/machinetag.json': { json: { namespace: 'fetched' } },
  });
  const piped = await run(hub.url, ['import', 'taxonomy', '-', '--force'], { stdin: '{ "namespace": "weather" }' });
  assert.deepEqual([piped.code, piped.out], [0, 'weather: version 3, 2 tags\n']);
  assert.deepEqual([hub.asked[0]?.body, hub.asked[0]?.query.get('force')], ['{ "namespace": "weather" }', 'true']);
  const fetched = await run(hub.url, ['import', 'taxonomy', `${hub.url}/elsewhere/machinetag.json`, '--json']);
  assert.equal((JSON.parse(fetched.out) as { namespace: string }).namespace, 'fetched');
  assert.equal(hub.asked[1]?.headers.authorization, undefined, 'the key is for the hub alone');
  assert.equal(hub.asked[2]?.query.get('force'), null);
});

test('import taxonomy: of a folder, what is no taxonomy is left out and what is built in is passed over', async () => {
  await using hub = await fakeHub({ 'POST /api/v1/taxonomies': take });
  await withFolder(async (folder) => {
    const whole = await run(hub.url, ['import', 'taxonomy', folder]);
    assert.equal(whole.code, 0, whole.err);
    assert.match(whole.out, /1 imported, 1 known to the hub by itself, 0 refused/);
    assert.equal(hub.asked.length, 2);
  });
});

test('import taxonomy: a refused one is named with its field; a built-in one that was asked for by name is refused', async () => {
  await using hub = await fakeHub({ 'POST /api/v1/taxonomies': take });
  await withFolder(async (folder) => {
    await writeFile(join(folder, 'broken.json'), '{}');
    const partly = await run(hub.url, ['import', 'taxonomy', folder]);
    assert.equal(partly.code, 6);
    assert.match(partly.err, /broken\.json: The taxonomy was not taken.*\n +namespace: is missing/);
    const builtin = await run(hub.url, ['import', 'taxonomy', join(folder, 'tlp/machinetag.json')]);
    assert.equal(builtin.code, 1);
    assert.match(builtin.err, /The hub brings tlp with it/);
  });
});

test('taxonomy list and show: what there is, and the tags of one in the language asked for', async () => {
  const entries = [
    { tag: 'weather:sky="blue"', label: { es: 'azul', en: 'blue' }, colour: '#aabbcc', exclusive: true, grade: 100 },
    { tag: 'weather:wind', label: { es: 'viento', en: 'wind\u001b[2J' }, colour: '#8a9ba8', exclusive: false, grade: null },
  ];
  await using hub = await fakeHub({
    'GET /api/v1/taxonomies': { json: { items: [head, { ...head, namespace: 'tlp', origin: 'built-in', importedAt: null }] } },
    'GET /api/v1/taxonomies/weather': { json: { ...head, exclusive: false, exclusivePredicates: ['sky'], entries } },
    'GET /api/v1/taxonomies/none/such': { status: 404, json: problem(404, 'intel.taxonomy_not_found', 'There is none.') },
  });
  const list = await run(hub.url, ['taxonomy', 'list']);
  assert.match(list.out, /^weather +3 +2 +imported +2026-11-23 20:00:00Z +Weather$/m);
  assert.match(list.out, /^tlp +3 +2 +built-in +- +Weather$/m);
  const english = await run(hub.url, ['taxonomy', 'show', 'weather']);
  assert.match(english.out, /^weather:sky="blue" +blue +#aabbcc +100 +yes$/m);
  assert.match(english.out, /^exclusive: +sky$/m);
  assert.ok(!english.out.includes('\u001b'));
  assert.match((await run(hub.url, ['taxonomy', 'show', 'weather', '--lang', 'es'])).out, /azul/);
  const whole = await run(hub.url, ['taxonomy', 'show', 'weather', '--json']);
  assert.deepEqual((JSON.parse(whole.out) as { entries: unknown }).entries, entries);
  assert.equal((await run(hub.url, ['taxonomy', 'show', 'none/such'])).code, 1);
  assert.equal((await run(hub.url, ['taxonomy', 'show'])).code, 2);
  assert.equal((await run(hub.url, ['taxonomy', 'show', 'weather', '--lang', 'fr'])).code, 2);
});
