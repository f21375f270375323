import { distributions, paps, tlps } from '@rebato/contract';
import { each, exitOf } from '../batch.ts';
import type { Command, Context, Options } from '../command.ts';
import { type Exit, wrongUsage } from '../exits.ts';
import { readSource, type Source, sourcesOf } from '../files.ts';
import { path, type Query } from '../hub.ts';
import { countField, field, fields, plural, shown, table, time, timeField } from '../output.ts';
import { list, pageOptions } from '../pages.ts';
import { number, type Row, rows, text, texts } from '../rows.ts';

const formats = ['text', 'markdown', 'csv', 'eml', 'html', 'misp', 'stix', 'pdf'];

/** How whatever is reported is marked; also for imports. */
export const markingOptions: Options = {
  tlp: {
    value: 'TLP',
    help: 'Who may read it; counts more than what the file says of itself, and is amber when nobody says',
    choices: tlps,
  },
  pap: { value: 'PAP', help: 'What may be done with it', choices: paps },
  distribution: { value: 'WHO', help: 'Who it goes to', choices: distributions },
  group: { value: 'ID', help: 'Sharing group, with --distribution group' },
  confidence: { value: 'N', help: 'How sure you are, in percent', between: [0, 100] },
  title: { value: 'TEXT', help: 'What it is about, in one line' },
};

export function markingsOf({ given }: Context): Query {
  return {
    tlp: given.text('tlp'),
    pap: given.text('pap'),
    distribution: given.text('distribution'),
    groupId: given.text('group'),
    confidence: given.integer('confidence'),
    title: given.text('title'),
  };
}

/** One key for each of several files; the same call again repeats it, so that nothing is reported twice. */
function idempotencyOf(context: Context, source: Source, many: boolean): Readonly<Record<string, string>> {
  const key = context.given.text('idempotency-key');
  return key === undefined ? {} : { 'idempotency-key': many ? `${key}/${encodeURIComponent(source.path)}` : key };
}

const sayAcknowledged = (context: Context, body: unknown, name: string): void => {
  context.answer(body);
  const repeated = text(body, 'repeated') === 'true' ? ', known from before' : '';
  context.say(
    `${name === '' ? '' : `${shown(name)}: `}report ${shown(text(body, 'id'))}, ${plural(texts(body, 'events').length, 'event')}${repeated}\n`,
  );
};

async function submit(context: Context): Promise<Exit> {
  const { hub, args, given } = context;
  const words = given.text('text');
  if ((words === undefined) === (args.length === 0)) throw wrongUsage('Give files (or - for standard input), or --text, and not both.');
  if (words !== undefined) {
    if (given.is('preview')) return preview(context, Buffer.from(words), { format: 'text' });
    const without = given.texts('without');
    const json = { text: words, ...defined(markingsOf(context)), ...(without.length === 0 ? {} : { without }) };
    sayAcknowledged(
      context,
      await hub.call('POST', '/api/v1/reports', { json, headers: idempotencyOf(context, { path: '', name: '' }, false) }),
      '',
    );
    sayWhere(context);
    return 'ok';
  }
  if (given.is('without')) throw wrongUsage('--without goes with --text.');
  const sources = await sourcesOf(args);
  const outcome = await each(
    context,
    sources,
    (source) => source.path,
    async (source) => {
      const bytes = await readSource(source, context.io.stdin);
      const name = given.text('name') ?? source.name;
      const query = { format: given.text('format'), name: name === '' ? undefined : name };
      if (given.is('preview')) return void (await preview(context, bytes, query));
      const body = await hub.call('POST', '/api/v1/reports/file', {
        bytes,
        query: { ...markingsOf(context), ...query },
        headers: idempotencyOf(context, source, sources.length > 1),
      });
      sayAcknowledged(context, body, sources.length > 1 ? source.path : '');
    },
  );
  if (sources.length > 1) context.say(`\n${outcome.done} sent, ${outcome.refused} refused.\n`);
  if (!given.is('preview') && outcome.done > 0) sayWhere(context);
  return exitOf(outcome);
}

const sayWhere = (context: Context): void => context.say('What becomes of it: rebato report show ID\n');

async function preview(context: Context, bytes: Buffer, query: Query): Promise<'ok'> {
  const body = await context.hub.call('POST', '/api/v1/reports/preview', { bytes, query: { ...markingsOf(context), ...query } });
  context.answer(body);
  const findings = rows(body, 'findings');
  context.say(`${shown(text(body, 'title')) || 'Without a title'}: ${plural(findings.length, 'value')}. Nothing is stored.\n`);
  context.say(
    table(findings, [
      field('WOULD', 'outcome'),
      field('TYPE', 'type'),
      field('VALUE', 'canonical'),
      { head: 'KNOWN', of: (row) => String(rows(row, 'known').length), right: true },
      { head: 'WHY', of: (row) => text(row, 'reason') },
    ]),
  );
  for (const warning of texts(body, 'warnings')) context.say(`Note: ${shown(warning)}\n`);
  return 'ok';
}

export const defined = (query: Query): Row => Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));

const stateText = (event: Row): string =>
  rows(event, 'states')
    .map((state) => `${number(state, 'count')} ${text(state, 'state')}${text(state, 'rule') === '' ? '' : ` (${text(state, 'rule')})`}`)
    .join(', ');

export const ownEventColumns = [
  field('STATE', 'state'),
  field('TLP', 'tlp'),
  field('TITLE', 'title'),
  countField('VALUES', 'indicators'),
  { head: 'OF THEM', of: stateText },
  timeField('PUBLISHED', 'publishedAt'),
  field('ID', 'id'),
];

export const reportCommands: readonly Command[] = [
  {
    noun: 'report',
    verb: 'submit',
    summary: 'Report files, a folder of them, standard input or a text',
    more: 'The format is told by name and content: text, Markdown, CSV, mail, HTML, PDF, MISP, STIX. Each file is one report.',
    args: [{ name: 'FILE', help: 'File, folder, or - for standard input.', optional: true, many: true }],
    options: {
      text: { value: 'TEXT', help: 'This text instead of files' },
      format: { value: 'FORMAT', help: 'When name and content do not tell', choices: formats },
      name: { value: 'NAME', help: 'File name to tell the format by, for standard input' },
      ...markingOptions,
      preview: { help: 'Show what would become of it, and store nothing' },
      without: { value: 'VALUE', help: 'Leave this value out of --text', many: true },
      'idempotency-key': { value: 'WORD', help: 'Sent again with the same word, it is not reported twice' },
    },
    examples: [
      'rebato report submit phishing.eml --tlp amber',
      "echo 'hxxps://evil[.]example/login' | rebato report submit - --title 'Phishing'",
    ],
    run: submit,
  },
  {
    noun: 'report',
    verb: 'list',
    summary: 'Your own reports, newest first',
    options: pageOptions,
    run: (context) =>
      list(context, {
        path: '/api/v1/reports',
        key: 'reports',
        columns: [
          timeField('RECEIVED', 'receivedAt'),
          field('CHANNEL', 'channel'),
          field('FORMAT', 'format'),
          { head: 'EVENTS', of: (row) => String(texts(row, 'events').length), right: true },
          field('ID', 'id'),
        ],
        empty: 'There are no reports of yours.',
      }),
  },
  {
    noun: 'report',
    verb: 'show',
    summary: 'One of your reports, and what became of it',
    args: [{ name: 'ID', help: 'Of the report.' }],
    async run(context) {
      const body = await context.hub.call('GET', path`/api/v1/reports/${context.args[0] ?? ''}`);
      context.answer(body);
      context.say(
        fields([
          ['id', text(body, 'id')],
          ['received', time(body, 'receivedAt')],
          ['channel', text(body, 'channel')],
        ]),
      );
      context.say(`\n${table(rows(body, 'events'), ownEventColumns)}`);
      for (const event of rows(body, 'events'))
        if (text(event, 'reason') !== '') context.say(`${shown(text(event, 'title'))}: ${shown(text(event, 'reason'))}\n`);
      return 'ok';
    },
  },
];
