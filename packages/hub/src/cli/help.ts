import { commonOptions } from './arguments.ts';
import { type Argument, type Command, nameOf, type Options } from './command.ts';
import { exits } from './exits.ts';

const indent = 2;

const placeholder = ({ name, optional, many }: Argument): string => {
  const word = many ? `${name}…` : name;
  return optional ? `[${word}]` : word;
};

export function usageOf(command: Command): string {
  const required = Object.entries(command.options ?? {}).filter(([, option]) => option.required === true);
  const words = [
    ...(command.args ?? []).map(placeholder),
    ...required.map(([name, option]) => `--${name} ${option.value ?? ''}`.trim()),
    ...(Object.keys(command.options ?? {}).length > required.length ? ['[options]'] : []),
  ];
  return ['rebato', nameOf(command), ...words].join(' ');
}

type Pair = readonly [string, string];

const lines = (pairs: readonly Pair[]): string => {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, help]) => `${' '.repeat(indent)}${name.padEnd(width)}  ${help}\n`).join('');
};

function optionPairs(options: Options): Pair[] {
  return Object.entries(options).map(([name, option]) => {
    const notes = [
      option.choices === undefined ? '' : `One of: ${option.choices.join(', ')}.`,
      option.many === true ? `May be repeated${option.commas === true ? ', or be a list separated by commas' : ''}.` : '',
    ].filter((note) => note !== '');
    return [
      `--${name}${option.value === undefined ? '' : ` ${option.value}`}`,
      [`${option.help}${/[.?]$/.test(option.help) ? '' : '.'}`, ...notes].join(' '),
    ];
  });
}

const argumentPairs = (args: readonly Argument[]): Pair[] => args.map((arg) => [placeholder(arg), arg.help]);

/** Help of one command. */
export function commandHelp(command: Command): string {
  const { args = [], options = {}, examples = [] } = command;
  return [
    `${command.summary}.\n`,
    `\n  ${usageOf(command)}\n`,
    command.more === undefined ? '' : `\n${command.more}\n`,
    args.length === 0 ? '' : `\n${lines(argumentPairs(args))}`,
    Object.keys(options).length === 0 ? '' : `\n${lines(optionPairs(options))}`,
    `\nEverywhere:\n${lines(optionPairs(commonOptions))}`,
    examples.length === 0 ? '' : `\nFor example:\n${examples.map((example) => `  ${example}\n`).join('')}`,
  ].join('');
}

/** The verbs of one noun. */
export function nounHelp(noun: string, commands: readonly Command[]): string {
  const own = commands.filter((command) => command.noun === noun);
  return `${lines(own.map((command) => [usageOf(command), command.summary]))}\nMore: rebato ${noun} VERB --help\n`;
}

/** Everything at a glance. */
export function overview(commands: readonly Command[]): string {
  const exitPairs = Object.values(exits).map(({ code, meaning }): Pair => [String(code), meaning]);
  return [
    'rebato NOUN VERB: talks to a running hub. `rebato serve` starts one.\n',
    `\n${lines(commands.map((command) => [nameOf(command), command.summary]))}`,
    `\nEverywhere:\n${lines(optionPairs(commonOptions))}`,
    `\nExit codes:\n${lines(exitPairs)}`,
    '\nMore: rebato NOUN --help, rebato NOUN VERB --help\n',
  ].join('');
}

const escaped = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const markdownTable = (heads: Pair, pairs: readonly Pair[]): string =>
  [`| ${heads.join(' | ')} |`, '| --- | --- |', ...pairs.map(([name, help]) => `| \`${name.replaceAll('|', '\\|')}\` | ${escaped(help)} |`)]
    .map((line) => `${line}\n`)
    .join('');

/** docs/reference/cli.md. */
export function cliMarkdown(commands: readonly Command[]): string {
  const sections = [...new Set(commands.map((command) => command.noun))].map((noun) => {
    const own = commands.filter((command) => command.noun === noun);
    return `\n## ${noun}\n${own.map(commandMarkdown).join('')}`;
  });
  return [
    '# Command line\n',
    '\n`npx rebato NOUN VERB` talks to a running hub over its HTTP interface and needs nothing else: it may run on any machine that reaches the hub.',
    ' Its output is for people; with `--json` it is exactly what the hub answered, one document per line, and the problem document when the hub refused.\n',
    '\nThe key in the data folder (`admin.key`) is used only for a hub on this machine. For any other, give `--key`, `--key-file` or `REBATO_KEY`.\n',
    `\n## Everywhere\n\n${markdownTable(['Option', 'Meaning'], optionPairs(commonOptions))}`,
    `\n## Exit codes\n\n${markdownTable(
      ['Code', 'Meaning'],
      Object.values(exits).map(({ code, meaning }): Pair => [String(code), meaning]),
    )}`,
    ...sections,
  ].join('');
}

function commandMarkdown(command: Command): string {
  const pairs = [...argumentPairs(command.args ?? []), ...optionPairs(command.options ?? {})];
  return [
    `\n### ${nameOf(command)}\n\n${command.summary}.\n\n\`\`\`sh\n${usageOf(command)}\n\`\`\`\n`,
    command.more === undefined ? '' : `\n${escaped(command.more)}\n`,
    pairs.length === 0 ? '' : `\n${markdownTable(['', ''], pairs)}`,
    (command.examples ?? []).length === 0 ? '' : `\n\`\`\`sh\n${(command.examples ?? []).join('\n')}\n\`\`\`\n`,
  ].join('');
}
