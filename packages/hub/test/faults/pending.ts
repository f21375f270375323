import * as db from '#platform/db';

/**
 * Why tests of a crashing database are not counted yet: a lost connection inside a transaction ends the hub's process, and an error that says
 * nothing about an entry sets it aside. They count as soon as the pool tells such errors apart.
 */
export const pending: string | false = 'isTransient' in db ? false : 'the pool does not yet live through a crash of the database';
