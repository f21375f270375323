import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notEncryptedZip } from './encrypted-zip.ts';

/** Made by Info-ZIP: two entries with a password, as MISP packs a sample and its name; and one entry with, one without. */
const encrypted = Buffer.from(
  'UEsDBAoACQAAABefd12xWi5pFQAAAAkAAAAFABwAYS5iaW5VVAkAA32aBGt9mgRrdXgLAAEEAAAAAAQAAAAAEnPH/cwflnYg+/pjUdNb09QZzilaUEsHCLFaLmkVAAAACQAAAFBLAwQKAAkAAAAXn3dd2IDq2xEAAAAFAAAADgAcAGEuZmlsZW5hbWUudHh0VVQJAAN9mgRrfZoEa3V4CwABBAAAAAAEAAAAAMr2jJgAS5CqpsKVGlHe282pUEsHCNiA6tsRAAAABQAAAFBLAQIeAwoACQAAABefd12xWi5pFQAAAAkAAAAFABgAAAAAAAEAAACkgQAAAABhLmJpblVUBQADfZoEa3V4CwABBAAAAAAEAAAAAFBLAQIeAwoACQAAABefd13YgOrbEQAAAAUAAAAOABgAAAAAAAEAAACkgWQAAABhLmZpbGVuYW1lLnR4dFVUBQADfZoEa3V4CwABBAAAAAAEAAAAAFBLBQYAAAAAAgACAJ8AAADNAAAAAAA=',
  'base64',
);
const mixed = Buffer.from(
  'UEsDBAoAAAAAABefd12xWi5pCQAAAAkAAAAFABwAYS5iaW5VVAkAA32aBGt9mgRrdXgLAAEEAAAAAAQAAAAAaW52ZW50ZWQKUEsDBAoACQAAABefd13YgOrbEQAAAAUAAAAOABwAYS5maWxlbmFtZS50eHRVVAkAA32aBGt9mgRrdXgLAAEEAAAAAAQAAAAAeqi+U4IHfVIr81pG2y9QHe1QSwcI2IDq2xEAAAAFAAAAUEsBAh4DCgAAAAAAF593XbFaLmkJAAAACQAAAAUAGAAAAAAAAQAAAKSBAAAAAGEuYmluVVQFAAN9mgRrdXgLAAEEAAAAAAQAAAAAUEsBAh4DCgAJAAAAF593XdiA6tsRAAAABQAAAA4AGAAAAAAAAQAAAKSBSAAAAGEuZmlsZW5hbWUudHh0VVQFAAN9mgRrdXgLAAEEAAAAAAQAAAAAUEsFBgAAAAACAAIAnwAAALEAAAAAAA==',
  'base64',
);

test('an archive whose entries are all encrypted is one', () => {
  assert.equal(notEncryptedZip(encrypted), undefined);
});

test('an archive with a plain entry, or with anything beside its entries, is none', () => {
  assert.match(notEncryptedZip(mixed) ?? '', /without a password/);
  assert.match(notEncryptedZip(Buffer.concat([Buffer.from('MZ'), encrypted])) ?? '', /no ZIP/);
  assert.match(notEncryptedZip(Buffer.concat([encrypted, Buffer.from('MZ')])) ?? '', /does not end/);
  // The plain entry hides: the directory no longer names it.
  const central = mixed.indexOf(Buffer.from('504b0102', 'hex'));
  const second = mixed.indexOf(Buffer.from('504b0102', 'hex'), central + 4);
  const end = Buffer.from(mixed.subarray(mixed.length - 22));
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(mixed.length - 22 - second, 12);
  const hidden = Buffer.concat([mixed.subarray(0, central), mixed.subarray(second, mixed.length - 22), end]);
  assert.match(notEncryptedZip(hidden) ?? '', /between its entries/);
  // The directory says encrypted, the entry itself does not.
  const lying = Buffer.from(mixed);
  lying.writeUInt16LE(1, central + 8);
  assert.match(notEncryptedZip(lying) ?? '', /without a password/);
});

test('a cut archive is none, wherever it is cut', () => {
  for (let length = 0; length < encrypted.length; length++) assert.notEqual(notEncryptedZip(encrypted.subarray(0, length)), undefined);
});
