/**
 * Classes of SQLSTATE that say nothing about the entry: connection lost, rolled back because of others, out of resources, in use, stopped by the
 * operator, the system's own errors. And the client's own words for a lost connection, and the system's for one that is not made.
 */
const passingStates =
  /^(?:(?:08|40|53|55|57|58)[0-9A-Z]{3}|CONNECTION_[A-Z_]+|CONNECT_TIMEOUT|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|E(?:HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** Whether a failure of the database passes by itself, so that the same work is to be tried again. */
export function isPassing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && passingStates.test(String(error.code));
}
