import * as db from '#platform/db';

/**
 * Why tests of a crashing database are not counted yet: a lost connection inside a transaction ends the hub's process, and one that
 * breaks during a request is told to the client as a mistake of its own. They count as soon as the pool notices lost connections.
 */
export const pending: string | false = 'isConnectionLoss' in db ? false : 'the pool does not yet live through a crash of the database';
