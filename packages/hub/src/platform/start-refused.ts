/** The program cannot start, and the message says why and what to do in sentences for the operator: shown without a stack. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}
