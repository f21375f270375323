import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distributions, tlps } from '@rebato/contract';
import fc from 'fast-check';
import type { Audience } from '#platform/shelf';
import { type Releasable, releasesOf, widens } from './release.ts';

const owner = '0b5e2001-7a11-4c0d-8e5e-5eed00000001';
const group = '0b5e2001-7a11-4c0d-8e5e-5eed00000002';

const audience: fc.Arbitrary<Audience> = fc.record({
  name: fc.constantFrom('immediate', 'informed', 'guest'),
  delayMs: fc.constantFrom(0, 1, 3_600_000, 86_400_000),
  onConsolidation: fc.boolean(),
  maxTlp: fc.constantFrom(...tlps),
});
const event: fc.Arbitrary<Releasable> = fc.record({
  ownerId: fc.constant(owner),
  ownerShelf: fc.constantFrom('immediate', 'informed', 'guest'),
  tlp: fc.constantFrom(...tlps),
  distribution: fc.constantFrom(...distributions),
  groupId: fc.option(fc.constant(group)),
  publishedAt: fc.date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }),
  consolidated: fc.boolean(),
});
const rank = (tlp: Releasable['tlp']): number => tlps.indexOf(tlp);
const check = (property: (event: Releasable, audience: Audience) => void) =>
  fc.assert(fc.property(event, audience, property), { numRuns: 2_000 });

test('the owner has the event at once on its own shelf, and on no other by being the owner', () => {
  check((of, at) => {
    const releases = releasesOf(of, at);
    const mine = releases.filter((each) => each.lane === `e:${owner}` || each.lane === 'c');
    if (at.name === of.ownerShelf) assert.ok(mine.some((each) => each.dueAt.getTime() === of.publishedAt.getTime()));
    else assert.ok(releases.every((each) => each.lane !== `e:${owner}`));
  });
});

test('nobody but the owner has it before the delay is over, unless it is consolidated and the audience does not wait for such', () => {
  check((of, at) => {
    for (const { lane, dueAt } of releasesOf(of, at)) {
      if (lane.startsWith('e:')) continue;
      const early = of.consolidated && at.onConsolidation;
      assert.equal(dueAt.getTime(), of.publishedAt.getTime() + (early ? 0 : at.delayMs));
    }
  });
});

test('red never reaches a community, and nothing reaches one that is wider than its own limit', () => {
  check((of, at) => {
    const community = releasesOf(of, at).some((each) => each.lane === 'c');
    if (of.tlp === 'red' || rank(of.tlp) > rank(at.maxTlp)) assert.equal(community, false);
    if (of.distribution === 'entity' || of.distribution === 'group') assert.equal(community, false);
    else assert.equal(community, of.tlp !== 'red' && rank(of.tlp) <= rank(at.maxTlp));
  });
});

test('only the named group has what is for a group, of its members only those who may have its marking, and without a name nobody', () => {
  check((of, at) => {
    const groups = releasesOf(of, at).filter((each) => each.lane.startsWith('g:'));
    assert.deepEqual(
      groups.map((each) => each.lane),
      of.distribution === 'group' && of.groupId !== null && (rank(of.tlp) <= rank(at.maxTlp) || at.maxTlp === 'amber+strict')
        ? [`g:${group}`]
        : [],
    );
  });
});

test('no event has two releases in one lane, nor one in its owner’s lane besides the community’s at the same time', () => {
  check((of, at) => {
    const releases = releasesOf(of, at);
    assert.equal(new Set(releases.map((each) => each.lane)).size, releases.length);
    const community = releases.find((each) => each.lane === 'c');
    const own = releases.find((each) => each.lane.startsWith('e:'));
    if (community !== undefined && own !== undefined) assert.ok(own.dueAt < community.dueAt);
  });
});

test('a marking widens another only where it reaches more people', () => {
  for (const from of tlps) for (const to of tlps) assert.equal(widens(from, to), rank(to) < rank(from));
});
