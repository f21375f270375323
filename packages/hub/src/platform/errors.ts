/** What went wrong, in the domain's words. Each edge turns a kind into its own protocol's status in one place. */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'gone'
  | 'too_large'
  | 'too_many'
  | 'unavailable';

export type ErrorCatalog = Readonly<Record<string, { readonly kind: ErrorKind; readonly help: string }>>;

/** `field` is a path into the input, such as `indicators[3].value`. */
export type Detail = { readonly field: string; readonly message: string };

/** A mistake of the caller or bad luck, never a bug of ours. `message` may be shown to the caller: no secrets, nothing that the caller may not know. */
export class CodedError extends Error {
  override readonly name = 'CodedError';
  readonly code: string;
  readonly kind: ErrorKind;
  readonly help: string;
  readonly details: readonly Detail[];
  constructor(code: string, kind: ErrorKind, help: string, message: string, details: readonly Detail[]) {
    super(message);
    this.code = code;
    this.kind = kind;
    this.help = help;
    this.details = details;
  }
}

/** Makes `fail` for one module's catalogue: `throw fail('intel.event_not_found', 'no such event')`. */
export function errorsFor<C extends ErrorCatalog>(
  catalog: C,
): (code: keyof C & string, message: string, details?: readonly Detail[]) => CodedError {
  return (code, message, details = []) => {
    const entry = catalog[code];
    if (entry === undefined) throw new Error(`unknown error code ${code}`);
    return new CodedError(code, entry.kind, entry.help, message, details);
  };
}
