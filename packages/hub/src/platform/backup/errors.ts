import { errorsFor } from '#platform/errors';

export const backupErrors = {
  'backup.busy': {
    kind: 'conflict',
    help: 'A backup is being made already. Each holds a snapshot of the database; one at a time is enough.',
  },
} as const;
export const failBackup = errorsFor(backupErrors);

/**
 * Why a file is no use: it is not what was written; it was locked with another passphrase; it comes from a newer release; or this place must not
 * take it. The message is a sentence for the operator.
 */
export class BackupRefused extends Error {
  override readonly name = 'BackupRefused';
  readonly reason: 'damaged' | 'passphrase' | 'newer' | 'place';
  constructor(reason: BackupRefused['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

export const damaged = (what: string): BackupRefused => new BackupRefused('damaged', `The backup is damaged: ${what}.`);
