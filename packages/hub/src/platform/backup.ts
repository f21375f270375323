/** Backups: everything of a hub in one file, checked on the way out and in. */
export { isLocked, type Lock, readContainer, writeContainer } from './backup/container.ts';
export { type BackupDeps, createBackup } from './backup/create.ts';
export { BackupRefused, backupErrors } from './backup/errors.ts';
export type { Head } from './backup/form.ts';
export { checkRelease, type RestoreInput, restoreBackup } from './backup/restore.ts';
export { markRestored, type Restored, readRestored, renewIncarnation, settleRestored } from './backup/restored.ts';
export { resumeRestored } from './backup/resume.ts';
export { backupRoutes } from './backup/routes.ts';
export { type BackupReport, verifyBackup } from './backup/verify.ts';
