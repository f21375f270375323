import { createHash } from 'node:crypto';
import { each, exitOf } from '../batch.ts';
import type { Command, Context } from '../command.ts';
import type { Exit } from '../exits.ts';
import { isAddress, readSource, sourcesOf } from '../files.ts';
import { field, plural, shown, timeField } from '../output.ts';
import { listWhole } from '../pages.ts';
import { flag, number, text, texts } from '../rows.ts';
import { markingOptions, markingsOf } from './report.ts';

/** What is imported of a folder. A MISP feed's index and hash list are about its events and are none. */
const formats = {
  misp: { suffixes: ['json'], leaveOut: ['manifest.json'], title: 'MISP events' },
  stix: { suffixes: ['json'], leaveOut: [], title: 'STIX bundles' },
  csv: { suffixes: ['csv', 'tsv', 'txt'], leaveOut: [], title: 'tables of values' },
} as const;

async function importReports(context: Context, format: keyof typeof formats): Promise<Exit> {
  const { hub, args, io } = context;
  const { suffixes, leaveOut } = formats[format];
  const sources = await sourcesOf(args, { suffixes, leaveOut });
  const query = { ...markingsOf(context), format };
  let events = 0;
  let known = 0;
  const outcome = await each(
    context,
    sources,
    (source) => source.path,
    async (source) => {
      const bytes = await readSource(source, io.stdin);
      // An import that was interrupted is started again: what the hub has already is not reported twice.
      const digest = createHash('sha256').update(JSON.stringify(query)).update(bytes).digest('hex');
      const body = await hub.call('POST', '/api/v1/reports/file', {
        bytes,
        query: { ...query, name: source.name === '' ? undefined : source.name },
        headers: context.given.is('again') ? {} : { 'idempotency-key': `import/${digest}` },
      });
      if (flag(body, 'repeated')) known += 1;
      else events += texts(body, 'events').length;
      context.answer(body);
      if (sources.length === 1) context.say(`Report ${shown(text(body, 'id'))}\n`);
    },
  );
  context.say(
    `${outcome.done - known} of ${plural(sources.length, 'file')} imported (${plural(events, 'event')}), ${known} known from before, ${outcome.refused} refused.\n`,
  );
  if (outcome.refused > 0) context.note('Nothing of a refused file was imported.\n');
  return exitOf(outcome);
}

const importCommand = (format: keyof typeof formats): Command => ({
  noun: 'import',
  verb: format,
  summary: `Import ${formats[format].title} from files, folders or an address`,
  more: 'Each file is one report, taken whole or not at all. Imported again, a file that the hub has already is passed over.',
  args: [
    {
      name: 'PATH',
      help: `File, folder (${formats[format].suffixes.map((suffix) => `*.${suffix}`).join(', ')}, with all beneath it), http(s) address, or - for standard input.`,
      many: true,
    },
  ],
  options: { ...markingOptions, again: { help: 'Report it even when it was imported before' } },
  run: (context) => importReports(context, format),
});

export const importCommands: readonly Command[] = [
  importCommand('misp'),
  importCommand('stix'),
  importCommand('csv'),
  {
    noun: 'import',
    verb: 'warninglist',
    summary: 'Import warning lists: what is on them is held back by the guard',
    more: 'In the format of MISP warning lists. An address is fetched by the hub itself, through its own door.',
    args: [{ name: 'PATH', help: 'File, folder (*.json, with all beneath it) or http(s) address.', many: true }],
    options: {
      force: { help: 'Take it although it grew or shrank too much, or is older' },
      beneath: { help: 'Its names protect what is beneath them, too' },
      disabled: { help: 'Store it, but do not use it yet' },
    },
    examples: ['rebato import warninglist misp-warninglists/lists/'],
    run: importWarningLists,
  },
];

async function importWarningLists(context: Context): Promise<Exit> {
  const { hub, args, given } = context;
  const sources = await sourcesOf(args, { suffixes: ['json'] });
  const query = {
    force: given.is('force') ? true : undefined,
    beneath: given.is('beneath') ? true : undefined,
    enabled: given.is('disabled') ? false : undefined,
  };
  const outcome = await each(
    context,
    sources,
    (source) => source.path,
    async (source) => {
      const sent = isAddress(source.path)
        ? { json: { url: source.path } }
        : { bytes: await readSource(source, context.io.stdin), headers: { 'content-type': 'application/json' } };
      const body = await hub.call('POST', '/api/v1/guard/lists', { ...sent, query });
      context.answer(body);
      const left = number(body, 'unreadable');
      context.say(
        `${shown(text(body, 'name'))}: ${plural(number(body, 'entries'), 'entry', 'entries')}${left === 0 ? '' : `, ${left} name no value and were left out`}\n`,
      );
    },
  );
  if (sources.length > 1) context.say(`\n${outcome.done} imported, ${outcome.refused} refused.\n`);
  return exitOf(outcome);
}

export const guardCommands: readonly Command[] = [
  {
    noun: 'guard',
    verb: 'lists',
    summary: 'The warning lists, with their state',
    run: (context) =>
      listWhole(context, {
        path: '/api/v1/guard/lists',
        key: 'lists',
        columns: [
          field('NAME', 'name'),
          field('CATEGORY', 'category'),
          { head: 'ENTRIES', of: (row) => text(row, 'entries'), right: true },
          {
            head: 'STATE',
            of: (row) => (text(row, 'problem') !== '' ? `refused: ${text(row, 'problem')}` : flag(row, 'enabled') ? 'in use' : 'disabled'),
          },
          timeField('IMPORTED', 'importedAt'),
          field('ID', 'id'),
        ],
        empty: 'There are no warning lists. See: rebato import warninglist --help',
      }),
  },
];
