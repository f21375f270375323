import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { type Command, type Given, nameOf, type Option, type Options } from './command.ts';
import { wrongUsage } from './exits.ts';
import { shown } from './output.ts';

/** What every command takes. */
export const commonOptions: Options = {
  url: { value: 'URL', help: 'The hub. Default: REBATO_URL, or http://127.0.0.1:7373' },
  key: { value: 'KEY', help: 'API key. Default: REBATO_KEY, or admin.key in the data folder of a hub on this machine' },
  'key-file': { value: 'FILE', help: 'File that holds the API key; unlike --key, not seen in the list of processes' },
  json: { help: "Print the hub's answer as JSON" },
  help: { help: 'Show this' },
};

/** Words and options of one call. Throws a usage Stop that names what is wrong. */
export function parseArguments(command: Command, argv: readonly string[]): { readonly args: readonly string[]; readonly given: Given } {
  const declared: Options = { ...commonOptions, ...command.options };
  const config: ParseArgsOptionsConfig = Object.fromEntries(
    Object.entries(declared).map(([name, option]) => [
      name,
      // Given twice is told apart from given once, so everything is read as a list.
      { type: option.value === undefined ? ('boolean' as const) : ('string' as const), multiple: true },
    ]),
  );
  const { values, positionals } = parse(command, argv, config);
  const words = checkWords(command, positionals);
  const read = new Map<string, readonly string[]>();
  for (const [name, option] of Object.entries(declared)) {
    const found = values[name];
    if (found === undefined) {
      if (option.required === true) throw wrong(command, `--${name} ${option.value ?? ''} is missing`);
      continue;
    }
    const list = (Array.isArray(found) ? found : [found]).map(String);
    if (list.length > 1 && option.many !== true && option.value !== undefined) throw wrong(command, `--${name} is given more than once`);
    const split = option.commas === true ? list.flatMap((item) => item.split(',').map((part) => part.trim())).filter(Boolean) : list;
    for (const item of split) checkValue(command, name, option, item);
    read.set(name, split);
  }
  const declaredOnly = (name: string): readonly string[] => {
    if (!(name in declared)) throw new Error(`${nameOf(command)} has no option --${name}`);
    return read.get(name) ?? [];
  };
  return {
    args: words,
    given: {
      text: (name) => declaredOnly(name)[0],
      texts: declaredOnly,
      integer: (name) => (declaredOnly(name)[0] === undefined ? undefined : Number(declaredOnly(name)[0])),
      is: (name) => declaredOnly(name).length > 0,
    },
  };
}

function parse(command: Command, argv: readonly string[], options: ParseArgsOptionsConfig) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    // The library's sentences end with advice about its own interface; the first one says what is wrong.
    const message = error instanceof Error ? (error.message.split(/\. |\n/, 1)[0] ?? '') : String(error);
    throw wrong(command, message.replace(/\.$/, ''));
  }
}

function checkWords(command: Command, words: readonly string[]): readonly string[] {
  const declared = command.args ?? [];
  const needed = declared.filter((arg) => arg.optional !== true);
  const missing = needed[words.length];
  if (missing !== undefined) throw wrong(command, `${missing.name} is missing`);
  if (!declared.some((arg) => arg.many === true) && words.length > declared.length)
    throw wrong(command, `"${words[declared.length]}" is one word too many`);
  return words;
}

function checkValue(command: Command, name: string, option: Option, value: string): void {
  if (option.choices !== undefined && !option.choices.includes(value))
    throw wrong(command, `--${name} is one of ${option.choices.join(', ')}, not "${value}"`);
  if (option.between === undefined) return;
  const [min, max] = option.between;
  if (!/^\d{1,15}$/.test(value) || Number(value) < min || Number(value) > max)
    throw wrong(command, `--${name} is a whole number from ${min} to ${max}, not "${value}"`);
}

const wrong = (command: Command, message: string) => wrongUsage(`${shown(message)}. See: rebato ${nameOf(command)} --help`);
