import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attributesOfFiles } from './attached.ts';
import type { DraftAttachment } from './draft.ts';
import type { JudgedAttribute } from './normalise.ts';

const attribute = (id: string, type: string, value: string, uuid?: string): JudgedAttribute => ({
  id,
  vkey: id,
  vkey2: null,
  kind: 'other',
  canonical: value,
  state: 'accepted',
  blockable: false,
  rule: null,
  reason: null,
  toIds: false,
  ownOnly: false,
  objectId: null,
  told: undefined,
  draft: { type, value, tags: [], ...(uuid === undefined ? {} : { uuid }) },
});
const file = (name: string, attributeUuid?: string): DraftAttachment => ({
  name,
  bytes: Buffer.from(name),
  malware: false,
  ...(attributeUuid === undefined ? {} : { attributeUuid }),
});
const ids = (files: readonly DraftAttachment[], attributes: readonly JudgedAttribute[]) =>
  attributesOfFiles(files, attributes).map((each) => each?.id);

test('a file belongs to the attribute of its UUID, or else to the one that says its name', () => {
  const attributes = [
    attribute('a', 'attachment', 'a.txt', 'uuid-a'),
    attribute('b', 'malware-sample', 'b.exe|00'),
    attribute('c', 'attachment', 'C:\\temp\\c.txt'),
    attribute('d', 'text', 'd.txt'),
  ];
  assert.deepEqual(ids([file('a.txt', 'uuid-a'), file('b.exe'), file('c.txt')], attributes), ['a', 'b', 'c']);
  assert.deepEqual(ids([file('d.txt'), file('a.txt'), file('a.txt', 'uuid-x')], attributes), [undefined, undefined, undefined]);
});

test('attributes of one name take the files of that name in order', () => {
  const attributes = [attribute('a', 'attachment', 'same.txt'), attribute('b', 'attachment', 'same.txt')];
  assert.deepEqual(ids([file('same.txt'), file('same.txt'), file('same.txt')], attributes), ['a', 'b', undefined]);
});
