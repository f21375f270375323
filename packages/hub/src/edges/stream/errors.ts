import { type ErrorCatalog, errorsFor } from '#platform/errors';

/** Codes are public API: never reused for another meaning. */
export const streamErrors = {
  // A channel of somebody else and one that does not exist are told alike.
  'stream.channel_not_found': { kind: 'not_found', help: 'Ask for the channels that your order names.' },
  'stream.batches_gone': { kind: 'gone', help: 'Take a snapshot of the channel and go on from its version.' },
  'stream.unavailable': { kind: 'unavailable', help: 'Try again in a moment.' },
  'stream.control_gone': { kind: 'forbidden', help: 'The control is not in force. Ask its owner.' },
} as const satisfies ErrorCatalog;

export const fail = errorsFor(streamErrors);
