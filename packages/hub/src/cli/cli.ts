import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartRefused } from '#platform/start-refused';
import { defaultUrl, isOnThisMachine, readUrl } from './address.ts';
import { commonOptions, parseArguments } from './arguments.ts';
import type { Command, Context, Given, Io } from './command.ts';
import { commands } from './commands.ts';
import { exits, Stop, wrongUsage } from './exits.ts';
import { commandHelp, cliMarkdown as markdownOf, nounHelp, overview } from './help.ts';
import { createHub } from './hub.ts';
import { shown } from './output.ts';

export type { Io } from './command.ts';

/** Nouns that belong to the command line; `serve` and its like start a hub and are not among them. */
export const cliNouns: readonly string[] = [...new Set(commands.map((command) => command.noun))];

/** docs/reference/cli.md. */
export const cliMarkdown = (): string => markdownOf(commands);

/** Runs one command, `argv` without program names, and answers the exit code. Never throws for anything that a user, a file or a hub can do. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let json = false;
  try {
    const found = find(argv);
    if (typeof found === 'string') {
      io.stdout(found);
      return exits.ok.code;
    }
    const { args, given } = parseArguments(found.command, found.rest);
    json = given.is('json');
    return exits[await found.command.run(contextOf(io, args, given))].code;
  } catch (error) {
    const stop = error instanceof StartRefused ? new Stop('refused', error.message) : error;
    if (!(stop instanceof Stop)) throw error;
    if (json && stop.json !== undefined) io.stdout(`${JSON.stringify(stop.json)}\n`);
    io.stderr(`rebato: ${stop.message}\n`);
    return exits[stop.exit].code;
  }
}

const asksHelp = (word: string): boolean => word === '--help' || word === '-h' || word === 'help';

/** Options of every command may also stand before the noun; they are read with those behind it. */
function splitLeading(argv: readonly string[]): { readonly leading: readonly string[]; readonly words: readonly string[] } {
  let end = 0;
  while (argv[end]?.startsWith('--')) {
    const [name = '', value] = (argv[end] ?? '').slice(2).split('=', 2);
    const option = Object.hasOwn(commonOptions, name) ? commonOptions[name] : undefined;
    if (option === undefined || name === 'help') break;
    end += option.value !== undefined && value === undefined ? 2 : 1;
  }
  return { leading: argv.slice(0, end), words: argv.slice(end) };
}

/** The command, or the help that was asked for. */
function find(argv: readonly string[]): string | { readonly command: Command; readonly rest: readonly string[] } {
  const { leading, words } = splitLeading(argv);
  const [noun, verb] = words;
  if (noun === undefined) return overview(commands);
  if (asksHelp(noun)) return verb === undefined ? overview(commands) : helpOn(words.slice(1));
  const own = commands.filter((command) => command.noun === noun);
  if (own.length === 0) throw wrongUsage(`There is no "${shown(noun)}". There are: ${cliNouns.join(', ')}. See: rebato --help`);
  const single = own.find((command) => command.verb === undefined);
  if (single === undefined && (verb === undefined || asksHelp(verb))) return nounHelp(noun, commands);
  const command = single ?? own.find((candidate) => candidate.verb === verb);
  if (command === undefined)
    throw wrongUsage(
      `${noun} has no "${shown(verb ?? '')}". It has: ${own.map((candidate) => candidate.verb).join(', ')}. See: rebato ${noun} --help`,
    );
  const rest = words.slice(single === undefined ? 2 : 1);
  const options = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  return options.includes('--help') || options.includes('-h') ? commandHelp(command) : { command, rest: [...leading, ...rest] };
}

function helpOn([noun = '', verb]: readonly string[]): string {
  const command = commands.find((candidate) => candidate.noun === noun && candidate.verb === verb);
  if (command !== undefined) return commandHelp(command);
  if (!cliNouns.includes(noun)) throw wrongUsage(`There is no "${shown(noun)}". There are: ${cliNouns.join(', ')}.`);
  return nounHelp(noun, commands);
}

function contextOf(io: Io, args: readonly string[], given: Given): Context {
  const url = readUrl(given.text('url') ?? set(io.env.REBATO_URL) ?? defaultUrl);
  const dataDir = set(io.env.REBATO_DATA_DIR) ?? './data';
  const json = given.is('json');
  let key: Promise<string> | undefined;
  return {
    io,
    args,
    given,
    json,
    dataDir,
    hub: createHub({
      url,
      key: () => {
        key ??= readKey(io, given, url, dataDir);
        return key;
      },
    }),
    say: (text) => {
      if (!json) io.stdout(text);
    },
    answer: (body) => {
      if (json) io.stdout(`${JSON.stringify(body)}\n`);
    },
    note: (text) => io.stderr(text),
  };
}

/** An empty variable means the same as none. */
const set = (value: string | undefined): string | undefined => (value === undefined || value.trim() === '' ? undefined : value.trim());

async function readKey(io: Io, given: Given, url: string, dataDir: string): Promise<string> {
  const direct = given.text('key') ?? (given.text('key-file') === undefined ? set(io.env.REBATO_KEY) : undefined);
  if (direct !== undefined) return checkKey(direct, 'The key');
  const file = given.text('key-file');
  // The administrator's key of a hub on this machine is not shown to whatever answers elsewhere.
  if (file === undefined && !isOnThisMachine(url))
    throw wrongUsage(
      `A key is needed for ${url}: give --key, --key-file or REBATO_KEY. The data folder's admin.key is for a hub on this machine.`,
    );
  const path = file ?? join(dataDir, 'admin.key');
  try {
    return checkKey(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof Stop) throw error;
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'error';
    throw wrongUsage(`No key: ${path} cannot be read (${why}). Give --key, --key-file or REBATO_KEY, or set REBATO_DATA_DIR.`);
  }
}

/** Keys are one word of printable characters; anything else would be refused by HTTP in a way that says nothing. */
function checkKey(raw: string, what: string): string {
  const key = raw.trim();
  if (!/^[\x21-\x7e]{1,512}$/.test(key)) throw wrongUsage(`${what} holds no API key.`);
  return key;
}
