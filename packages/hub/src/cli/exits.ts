/** How a command ends. The numbers are public: scripts rely on them. */
export const exits = {
  ok: { code: 0, meaning: 'Done.' },
  refused: {
    code: 1,
    meaning: 'The hub refused (a 4xx answer), or a command without a hub did: the message says why. Nothing was changed.',
  },
  usage: { code: 2, meaning: 'The command line, or a file or key that it names on this machine, is wrong. Nothing was sent.' },
  unreachable: { code: 3, meaning: 'The hub did not answer, or the connection broke. Whether a change was made is not known.' },
  hubFailed: { code: 4, meaning: 'The hub answered with an error of its own (5xx), or something answered that is no hub.' },
  failed: { code: 5, meaning: 'A verification failed, or `doctor` found something that has to be repaired.' },
  partly: { code: 6, meaning: 'Of several items, some were refused; each is named. The others are done.' },
} as const;

export type Exit = keyof typeof exits;

/** Ends the command with a sentence on standard error. Thrown by commands, caught by `runCli` alone. */
export class Stop extends Error {
  override readonly name = 'Stop';
  readonly exit: Exit;
  /** What `--json` prints on standard output: the hub's own answer, when there is one. */
  readonly json: unknown;
  constructor(exit: Exit, message: string, json?: unknown) {
    super(message);
    this.exit = exit;
    this.json = json;
  }
}

export const wrongUsage = (message: string): Stop => new Stop('usage', message);
