/** What readers send, by route. `path` left out: the route's path with every id of the history. */
import { values } from './acts.ts';
import type { Known } from './script.ts';
import type { Reader } from './world.ts';

export type Sent = { readonly path?: string; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };
type Make = (known: Known, reader: Reader) => readonly Sent[];

const unknownId = '0b0e6b0e-77aa-4c1d-9d0f-2f6d1c9a7e55';
const token = `rbl_${'a'.repeat(16)}_${'0'.repeat(64)}`;
const link = { token };
const each = (list: readonly unknown[]): readonly Sent[] => list.map((body) => ({ body }));
const at = (known: Known, name: string): string => known.get(name) ?? unknownId;

/** Paths with a released thing, hidden ones, and nothing. */
const on = (before: string, ids: readonly string[], after: string, body?: unknown): Sent[] =>
  ids.map((id) => ({ path: `${before}/${id}${after}`, ...(body === undefined ? {} : { body }) }));
const eventIds = (known: Known): string[] => [
  at(known, 'event:known'),
  at(known, 'event:hidden gold'),
  at(known, 'event:hidden group'),
  at(known, 'event:hidden entity'),
  at(known, 'event:hidden pending'),
  at(known, 'event:hidden retracted'),
  '6f1c2b6e-0000-4000-8000-0000000000aa',
  unknownId,
];
const decisionIds = (known: Known): string[] => [
  at(known, `decision:${values.hidden[0]}`),
  at(known, `decision:${values.ruled}`),
  at(known, `decision:${values.banned}`),
  unknownId,
];
const foreign = (known: Known): string[] => [at(known, 'control:hidden'), at(known, 'control:foreign'), unknownId];

const all: readonly string[] = [
  ...values.known,
  ...values.hidden,
  ...values.unknown,
  values.shared,
  values.group,
  values.entity,
  values.red,
  values.pending,
  values.retracted,
  values.heldByGuard,
];

/** Among a hundred values of one report. */
const between: Readonly<Record<number, string>> = { 30: values.hidden[1], 31: values.ruled, 60: values.pending, 61: values.banned };

const mispFile = JSON.stringify({
  Event: {
    uuid: '6f1c2b6e-0000-4000-8000-0000000000aa',
    info: 'the same file',
    date: '2026-03-02',
    distribution: '1',
    Attribute: [{ type: 'domain', category: 'Network activity', value: 'hidden-file.xyz', to_ids: true }],
  },
});

export const bodies: Readonly<Record<string, Make>> = {
  'POST /api/v1/entities': () => each([{ name: 'New one', kind: 'public' }, { name: 'Alba', kind: 'public' }, {}]),
  'PATCH /api/v1/entities/:id': (known) => on('/api/v1/entities', [at(known, 'entity:Alba'), unknownId], '', { critical: true }),
  'POST /api/v1/entities/:id/assets': (known) =>
    on('/api/v1/entities', [at(known, 'entity:Alba'), unknownId], '/assets', { kind: 'domain', value: 'x.example' }),
  'DELETE /api/v1/assets/:id': () => [{ path: `/api/v1/assets/${unknownId}` }],
  'POST /api/v1/socs': (known) =>
    each([
      { operatorEntityId: at(known, 'entity:Alba'), name: 'SOC', staff: 'own', managerName: 'M', managerMail: 'm@m.example', serves: [] },
    ]),
  'PATCH /api/v1/socs/:id': () => [{ path: `/api/v1/socs/${unknownId}`, body: { name: 'x' } }],
  'DELETE /api/v1/socs/:id': () => [{ path: `/api/v1/socs/${unknownId}` }],
  'POST /api/v1/groups': (known, reader) => {
    const own = at(known, { guest: 'entity:Gavina', demoted: 'entity:Demeter' }[reader.name] ?? 'entity:Paloma');
    return each([
      { name: `Ring of ${reader.name}`, ownerEntityId: own, members: [] },
      { name: 'Operation Wolf', ownerEntityId: at(known, 'entity:Alba'), members: [] },
    ]);
  },
  'PATCH /api/v1/groups/:id': (known) =>
    on(
      '/api/v1/groups',
      ['group:secret', 'group:hidden', 'group:open'].map((name) => at(known, name)),
      '',
      { name: 'Mine' },
    ),
  'DELETE /api/v1/groups/:id': (known) =>
    on(
      '/api/v1/groups',
      ['group:secret', 'group:hidden', 'group:open'].map((name) => at(known, name)),
      '',
    ),
  'POST /api/v1/people': (known) =>
    each([{ entityId: at(known, 'entity:Alba'), name: 'Eve', mail: 'eve@alba.example', roles: ['analyst'] }, {}]),
  'PATCH /api/v1/people/:id': () => [{ path: `/api/v1/people/${unknownId}`, body: { name: 'x' } }],
  'POST /api/v1/people/:id/link': () => [{ path: `/api/v1/people/${unknownId}/link` }],
  'POST /api/v1/keys': (known) =>
    each([
      { label: 'x', scopes: ['read'], entityId: at(known, 'entity:Alba') },
      { label: 'y', scopes: ['admin'] },
    ]),
  'POST /api/v1/keys/:id/rotation': () => [{ path: '/api/v1/keys/aaaaaaaaaaaaaaaa/rotation', body: {} }],
  'DELETE /api/v1/keys/:id': () => [{ path: '/api/v1/keys/aaaaaaaaaaaaaaaa' }],
  'POST /api/v1/auth/password': () => each([{ mail: 'bea@alba.example', password: 'correct horse battery', code: '000000' }]),
  'POST /api/v1/auth/passkey/options': () => each([{}]),
  'POST /api/v1/auth/passkey/verify': () => each([{}]),
  'POST /api/v1/auth/sign-out': (_known, reader) => (reader.name === 'person' ? [] : each([undefined])),
  'POST /api/v1/auth/enrol/open': () => each([link]),
  'POST /api/v1/auth/enrol/first': () => each([{ ...link, name: 'Eve', mail: 'eve@x.example' }]),
  'POST /api/v1/auth/enrol/passkey/options': () => each([link]),
  'POST /api/v1/auth/enrol/passkey/verify': () => each([{ ...link, name: 'x', response: {} }]),
  'POST /api/v1/auth/enrol/totp': () => each([link]),
  'POST /api/v1/auth/enrol/password': () => each([{ ...link, password: 'correct horse battery', setup: 'x', code: '000000' }]),
  'POST /api/v1/auth/oidc/start': () => each([{}]),
  'POST /api/v1/me/passkeys/options': () => each([undefined]),
  'POST /api/v1/me/passkeys': () => each([{}]),
  'DELETE /api/v1/me/passkeys/:id': () => [{ path: `/api/v1/me/passkeys/${unknownId}` }],
  'POST /api/v1/me/totp': () => each([undefined]),
  'PUT /api/v1/me/password': () => each([{}]),
  'DELETE /api/v1/me/password': () => each([undefined]),
  'DELETE /api/v1/sessions': (_known, reader) => (reader.name === 'person' ? [] : each([undefined])),
  'DELETE /api/v1/sessions/:id': () => [{ path: '/api/v1/sessions/aaaaaaaaaaaaaaaa' }],
  'PUT /api/v1/entities/:id/level': (known) =>
    on('/api/v1/entities', [at(known, 'entity:Alba')], '/level', { level: 'gold', reason: 'please' }),
  'POST /api/v1/guard/check': () =>
    each([
      { values: all.filter((value) => !value.includes('/')).map((value) => ({ kind: /[a-z]/.test(value) ? 'domain' : 'ip', value })) },
    ]),
  'POST /api/v1/reports': (known, reader) => [
    // A value that is hidden, one that is new, and both among others: the answers follow from what is sent.
    { body: { title: 'one', tlp: 'green', indicators: [{ value: values.hidden[0] }] } },
    { body: { title: 'one', tlp: 'green', indicators: [{ value: values.unknown[0] }] } },
    {
      body: {
        title: 'two',
        tlp: 'green',
        indicators: [values.ruled, values.banned, values.group, values.retracted].map((value) => ({ value })),
      },
    },
    { body: { title: 'text', tlp: 'green', text: all.join('\n').replaceAll('.', '[.]') } },
    { body: { title: 'again', tlp: 'green', indicators: [{ value: values.pending }] }, headers: { 'idempotency-key': `k-${reader.name}` } },
    { body: { title: 'again', tlp: 'green', indicators: [{ value: values.pending }] }, headers: { 'idempotency-key': `k-${reader.name}` } },
    {
      body: {
        title: 'group',
        tlp: 'green',
        distribution: 'group',
        groupId: at(known, 'group:hidden'),
        indicators: [{ value: values.unknown[1] }],
      },
    },
    { body: { title: 'group', tlp: 'green', distribution: 'group', groupId: unknownId, indicators: [{ value: values.unknown[1] }] } },
    {
      body: {
        title: 'mass',
        tlp: 'green',
        indicators: [...Array(100).keys()].map((n) => ({ value: between[n] ?? `mass-${n}.xyz` })),
      },
    },
    { body: { title: 'none', indicators: [] } },
  ],
  'POST /api/v1/reports/file': (_known, reader) => [
    { path: '/api/v1/reports/file?format=misp', body: mispFile },
    { path: '/api/v1/reports/file?format=csv', body: `type,value\ndomain,${values.hidden[1]}\nip-dst,${values.hidden[0]}\n` },
    { path: `/api/v1/reports/file?name=${reader.name}.txt`, body: 'nothing in here' },
  ],
  'POST /api/v1/reports/preview': () => [
    { body: all.join('\n') },
    { path: '/api/v1/reports/preview?format=misp', body: mispFile },
    { body: '' },
  ],
  'PUT /api/v1/events/:id': (known) =>
    on('/api/v1/events', eventIds(known), '', { title: 'not mine', indicators: [{ value: values.hidden[0] }] }),
  'POST /api/v1/events/:id/comments': (known) => on('/api/v1/events', eventIds(known), '/comments', { text: 'is this one known?' }),
  'POST /api/v1/events/:id/retraction': (known) => on('/api/v1/events', eventIds(known), '/retraction', { reason: 'not mine' }),
  'POST /api/v1/sightings': () =>
    each([...all.map((value) => ({ sightings: [{ value }] })), { sightings: all.map((value) => ({ value, sighting: 'false_positive' })) }]),
  'POST /api/v1/values/lookup': () => each([{ values: all }, { values: [values.hidden[0], 'no value'] }]),
  'POST /api/v1/decisions/:id/lift': (known) => on('/api/v1/decisions', decisionIds(known), '/lift', { reason: 'ours' }),
  'DELETE /api/v1/lifts/:id': (known) => on('/api/v1/lifts', [at(known, 'lift:hidden'), unknownId], ''),
  'POST /api/v1/controls': (_known, reader) => each([{ name: `c-${reader.name}`, target: 'list', feed: 'list' }]),
  'PATCH /api/v1/controls/:controlId': (known) => on('/api/v1/controls', foreign(known), '', { name: 'mine' }),
  'POST /api/v1/controls/:controlId/token': (known) => on('/api/v1/controls', foreign(known), '/token'),
  'DELETE /api/v1/controls/:controlId': (known) => on('/api/v1/controls', foreign(known), ''),
  'POST /api/v1/agent/enrol': () => each([{ token: 'rbe_x', agent: 'x', target: 'x' }]),
  'POST /api/v1/agent/receipts': (known) =>
    each(
      decisionIds(known).map((decision) => ({
        receipts: [{ decision, channel: 'informed/c', version: 1, state: 'applied', at: '2026-03-03T09:00:00.000Z' }],
      })),
    ),
};
