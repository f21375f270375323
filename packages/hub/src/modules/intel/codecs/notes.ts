import type { DraftProblem } from '../draft.ts';
import { problemsMax, warningsMax } from './limits.ts';

/** Where in a document a value stands. Chained and printed only when something is wrong, because files have hundreds of thousands of values. */
export type Path = { readonly parent: Path | undefined; readonly key: string | number };

export const pathTo = (parent: Path | undefined, key: string | number): Path => ({ parent, key });

/** Keys from the outside in. */
export function pathKeys(path: Path | undefined): (string | number)[] {
  const keys: (string | number)[] = [];
  for (let at = path; at !== undefined; at = at.parent) keys.unshift(at.key);
  return keys;
}

/** `Event.Attribute[3].type`. */
export function printPath(path: Path | undefined): string {
  let text = '';
  for (const key of pathKeys(path)) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? key : `.${key}`;
  }
  return text;
}

/** Collects what is wrong. One problem refuses the whole input; warnings travel with the result. */
export type Notes = {
  problem(path: Path | undefined, message: string): void;
  warn(path: Path | undefined, message: string): void;
  readonly failed: boolean;
  /** Positions are looked up at the end, once per problem. */
  problems(locate?: (keys: readonly (string | number)[]) => { line: number; column: number } | undefined): DraftProblem[];
  warnings(): DraftProblem[];
};

export function takeNotes(): Notes {
  const problems: { path: Path | undefined; message: string }[] = [];
  const warnings: { path: Path | undefined; message: string }[] = [];
  let unsaidProblems = 0;
  let unsaidWarnings = 0;
  const print = (note: { path: Path | undefined; message: string }): DraftProblem =>
    note.path === undefined ? { message: note.message } : { field: printPath(note.path), message: note.message };
  const rest = (count: number, what: string): DraftProblem[] => (count > 0 ? [{ message: `and ${count} more ${what}` }] : []);
  return {
    problem(path, message) {
      if (problems.length < problemsMax) problems.push({ path, message });
      else unsaidProblems++;
    },
    warn(path, message) {
      if (warnings.length < warningsMax) warnings.push({ path, message });
      else unsaidWarnings++;
    },
    get failed() {
      return problems.length > 0;
    },
    problems(locate) {
      const said = problems.map((note, index) => {
        // Each look-up reads the document once more; the first few are the ones that help.
        const position = index < 5 && note.path ? locate?.(pathKeys(note.path)) : undefined;
        return { ...position, ...print(note) };
      });
      return [...said, ...rest(unsaidProblems, 'problems')];
    },
    warnings: () => [...warnings.map(print), ...rest(unsaidWarnings, 'warnings')],
  };
}

/** Text from outside, short enough and safe to repeat in a message. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const short = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return `"${short.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '·')}"`;
}
