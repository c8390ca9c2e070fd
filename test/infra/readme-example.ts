import { type App, Stack } from 'aws-cdk-lib';
import { DatabaseBackups } from '../../infra/holdfast-cdk.ts';

export function backupsOf(app: App, secretArn: string): DatabaseBackups {
  return new DatabaseBackups(new Stack(app, 'ShopBackups'), 'Backups', {
    sources: { shop: { kind: 'postgres', secret: secretArn } },
    alertEmails: ['ops@example.com'],
  });
}
