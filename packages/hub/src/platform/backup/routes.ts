import { type Http, Reply } from '#platform/http';
import { type BackupDeps, createBackup } from './create.ts';

export function backupRoutes(http: Http, deps: BackupDeps): void {
  http.get('/api/v1/backup', {
    summary: 'Everything of this hub in one file, secrets included, as of now',
    tag: 'system',
    scope: 'admin',
    roles: ['admin'],
    limit: 'heavy',
    fails: ['backup.busy'],
    async handle({ actor }) {
      return Reply.stream(await createBackup(deps, actor), {
        headers: { 'content-disposition': 'attachment; filename="rebato.backup"' },
      });
    },
  });
}
