import type { Readable } from 'node:stream';
import type { Exit } from './exits.ts';
import type { Hub } from './hub.ts';

/** What a run of the command line touches of the world. Tests give their own. */
export type Io = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly stdin: Readable;
  readonly now: () => Date;
};

export type Option = {
  /** What stands behind it in the help; absent: a switch. */
  readonly value?: string;
  readonly help: string;
  /** May be given several times; each may also be a list separated by commas when `commas`. */
  readonly many?: boolean;
  readonly commas?: boolean;
  readonly choices?: readonly string[];
  /** Whole number between these. */
  readonly between?: readonly [number, number];
  readonly required?: boolean;
};
export type Options = Readonly<Record<string, Option>>;

/** A word that follows noun and verb. */
export type Argument = { readonly name: string; readonly help: string; readonly optional?: boolean; readonly many?: boolean };

/** The options of one call, checked against their declaration. Asking for one that is not declared is a bug and throws. */
export type Given = {
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  integer(name: string): number | undefined;
  is(name: string): boolean;
};

export type Context = {
  readonly io: Io;
  readonly hub: Hub;
  readonly args: readonly string[];
  readonly given: Given;
  readonly json: boolean;
  /** Text for people, left out with `--json`. */
  say(text: string): void;
  /** The hub's answer, with `--json` only: one document, one line. */
  answer(body: unknown): void;
  /** For people at the terminal, never part of the output: what a script must not read. */
  note(text: string): void;
  /** Where the hub keeps its files, when it is on this machine. */
  readonly dataDir: string;
};

export type Command = {
  readonly noun: string;
  /** Absent for a command of one word, such as `doctor`. */
  readonly verb?: string;
  readonly summary: string;
  readonly more?: string;
  readonly args?: readonly Argument[];
  readonly options?: Options;
  readonly examples?: readonly string[];
  run(context: Context): Promise<Exit>;
};

export const nameOf = (command: Command): string => (command.verb === undefined ? command.noun : `${command.noun} ${command.verb}`);
