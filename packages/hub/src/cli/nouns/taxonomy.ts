import { each, exitOf } from '../batch.ts';
import type { Command, Context } from '../command.ts';
import { type Exit, Stop } from '../exits.ts';
import { readSource, sourcesOf } from '../files.ts';
import { path } from '../hub.ts';
import { countField, field, fields, plural, shown, table, time, timeField } from '../output.ts';
import { listWhole } from '../pages.ts';
import { flag, number, rows, text, texts } from '../rows.ts';

/** What lies between the taxonomies in a copy of the published collection and is none. */
const noTaxonomies = ['MANIFEST.json', 'schema.json', 'schema_mapping.json', 'mapping.json'];

export const importTaxonomyCommand: Command = {
  noun: 'import',
  verb: 'taxonomy',
  summary: 'Import taxonomies: the words that tags are made of',
  more: 'In the format of MISP taxonomies (machinetag.json). Of several, those that the hub brings with it are passed over.',
  args: [{ name: 'PATH', help: 'File, folder (*.json, with all beneath it), http(s) address, or - for standard input.', many: true }],
  options: { force: { help: 'Take it although it is older than the one that is there' } },
  examples: ['rebato import taxonomy misp-taxonomies/'],
  run: importTaxonomies,
};

async function importTaxonomies(context: Context): Promise<Exit> {
  const { hub, args, given, io } = context;
  const sources = await sourcesOf(args, { suffixes: ['json'], leaveOut: noTaxonomies });
  let builtin = 0;
  const outcome = await each(
    context,
    sources,
    (source) => source.path,
    async (source) => {
      const bytes = await readSource(source, io.stdin);
      try {
        const body = await hub.call('POST', '/api/v1/taxonomies', {
          bytes,
          query: { force: given.is('force') ? true : undefined },
          headers: { 'content-type': 'application/json' },
        });
        context.answer(body);
        context.say(`${shown(text(body, 'namespace'))}: version ${text(body, 'version')}, ${plural(number(body, 'tags'), 'tag')}\n`);
      } catch (error) {
        // A whole collection holds them, too: they are no reason to call its import a failure.
        if (sources.length === 1 || !(error instanceof Stop) || text(error.json, 'code') !== 'intel.taxonomy_builtin') throw error;
        builtin += 1;
        context.answer(error.json);
      }
    },
  );
  if (sources.length > 1)
    context.say(`\n${outcome.done - builtin} imported, ${builtin} known to the hub by itself, ${outcome.refused} refused.\n`);
  return exitOf(outcome);
}

export const taxonomyCommands: readonly Command[] = [
  {
    noun: 'taxonomy',
    verb: 'list',
    summary: 'The taxonomies, built-in and imported',
    run: (context) =>
      listWhole(context, {
        path: '/api/v1/taxonomies',
        key: 'items',
        columns: [
          field('NAMESPACE', 'namespace'),
          countField('VERSION', 'version'),
          countField('TAGS', 'tags'),
          field('ORIGIN', 'origin'),
          timeField('IMPORTED', 'importedAt'),
          field('TITLE', 'label.en'),
        ],
        empty: 'There are no taxonomies.',
      }),
  },
  {
    noun: 'taxonomy',
    verb: 'show',
    summary: 'One taxonomy with its tags',
    args: [{ name: 'NAMESPACE', help: 'Such as rsit, in any case.' }],
    options: { lang: { value: 'LANGUAGE', help: 'Of the labels; en unless said. Imported ones have one text', choices: ['es', 'en'] } },
    async run(context) {
      const { hub, args, given } = context;
      const body = await hub.call('GET', path`/api/v1/taxonomies/${args[0] ?? ''}`);
      const language = given.text('lang') ?? 'en';
      context.answer(body);
      context.say(
        `${fields([
          ['namespace', text(body, 'namespace')],
          ['title', text(body, `label.${language}`)],
          ['version', text(body, 'version')],
          ['origin', text(body, 'origin')],
          ['imported', text(body, 'importedAt') === '' ? '' : time(body, 'importedAt')],
          ['exclusive', flag(body, 'exclusive') ? 'one tag on an item' : texts(body, 'exclusivePredicates').join(', ')],
        ])}\n`,
      );
      context.say(
        table(rows(body, 'entries'), [
          field('TAG', 'tag'),
          field('LABEL', `label.${language}`),
          field('COLOUR', 'colour'),
          countField('GRADE', 'grade'),
          { head: 'EXCLUSIVE', of: (row) => (flag(row, 'exclusive') ? 'yes' : '') },
        ]),
      );
      return 'ok';
    },
  },
];
