export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];
export type Log = (level: LogLevel, message: string, detail?: Readonly<Record<string, unknown>>) => void;

/** One JSON object per line on standard error; standard output belongs to the commands. */
export function stderrLog(least: LogLevel): Log {
  const rank = logLevels.indexOf(least);
  return (level, message, detail) => {
    if (logLevels.indexOf(level) > rank) return;
    process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), level, message, ...detail })}\n`);
  };
}

export const silentLog: Log = () => {};

/** The text of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
