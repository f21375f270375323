import { Type } from 'typebox';
import { type Http, parseJson } from '#platform/http';
import { fail } from './errors.ts';
import * as s from './schemas.ts';
import { isExclusive, type Taxonomy, type TaxonomyEntry } from './taxonomies/index.ts';
import type { Taxonomies, TaxonomyHead } from './taxonomy.ts';

/** The largest published file has 1.1 MB, and most have a few kB. */
const taxonomyMaxBytes = 4 * 1024 * 1024;

const label = Type.Object({ es: Type.String(), en: Type.String() });
const head = {
  namespace: Type.String(),
  version: Type.Integer(),
  origin: Type.Union([Type.Literal('built-in'), Type.Literal('imported')]),
  label,
  tags: Type.Integer({ description: 'How many tags it has.' }),
  importedAt: Type.Union([s.instant, Type.Null()]),
};
const taxonomyHead = Type.Object(head);
const taxonomyView = Type.Object({
  ...head,
  exclusive: Type.Boolean({ description: 'An item carries at most one tag of all of these.' }),
  exclusivePredicates: Type.Array(Type.String(), { description: 'An item carries at most one tag of each of these predicates.' }),
  entries: Type.Array(
    Type.Object({
      tag: Type.String(),
      label,
      colour: Type.String({ description: '#rrggbb' }),
      exclusive: Type.Boolean({ description: 'Whether some other tag of the taxonomy cannot stand beside it.' }),
      grade: Type.Union([Type.Number(), Type.Null()], { description: 'Where the taxonomy grades.' }),
    }),
  ),
});

const presentHead = ({ importedAt, ...rest }: TaxonomyHead) => ({
  ...rest,
  origin: importedAt === null ? ('built-in' as const) : ('imported' as const),
  importedAt: importedAt?.toISOString() ?? null,
});

const presentEntry = (taxonomy: Taxonomy, { tag, label: text, colour, grade }: TaxonomyEntry) => ({
  ...{ tag, label: text, colour },
  exclusive: isExclusive(tag, taxonomy),
  grade: grade ?? null,
});

/** Who imported one is in the trail, and not for every reader. */
export function taxonomyRoutes(http: Http, taxonomies: Taxonomies): void {
  http.get('/api/v1/taxonomies', {
    summary: 'The taxonomies, built-in and imported',
    tag: 'taxonomies',
    scope: 'read',
    limit: 'read',
    reply: Type.Object({ items: Type.Array(taxonomyHead) }),
    handle: async () => ({ items: (await taxonomies.list()).map(presentHead) }),
  });

  http.get('/api/v1/taxonomies/:namespace', {
    summary: 'One taxonomy with its tags, their labels and colours',
    tag: 'taxonomies',
    scope: 'read',
    limit: 'read',
    params: Type.Object({ namespace: Type.String({ minLength: 1, maxLength: 64, description: 'In any case.' }) }),
    reply: taxonomyView,
    fails: ['intel.taxonomy_not_found'],
    async handle({ params }) {
      const { taxonomy, importedAt } = await taxonomies.find(params.namespace);
      const { namespace, version, exclusive, exclusivePredicates, entries } = taxonomy;
      return {
        ...presentHead({ namespace, version, label: taxonomy.label, tags: entries.length, importedAt }),
        exclusive,
        exclusivePredicates: [...exclusivePredicates],
        entries: entries.map((entry) => presentEntry(taxonomy, entry)),
      };
    },
  });

  http.post('/api/v1/taxonomies', {
    summary: 'Import a taxonomy: a MISP machinetag.json as the body',
    tag: 'taxonomies',
    scope: 'admin',
    roles: ['admin'],
    limit: 'heavy',
    adds: true,
    bodyType: 'raw',
    bodyMaxBytes: taxonomyMaxBytes,
    query: Type.Object({ force: Type.Optional(Type.Boolean({ description: 'Take it although it is older than the one that is here.' })) }),
    reply: taxonomyHead,
    status: 201,
    fails: ['intel.taxonomy_invalid', 'intel.taxonomy_builtin', 'intel.taxonomy_stale', 'intel.taxonomy_limit'],
    async handle({ actor, query, request }) {
      const { rawBody } = request;
      if (rawBody === undefined || rawBody.length === 0) throw fail('intel.taxonomy_invalid', 'The request has no body.');
      return presentHead(await taxonomies.import(actor, parseJson(rawBody), query.force ?? false));
    },
  });
}
