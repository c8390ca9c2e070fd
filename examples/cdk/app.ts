// A database and its backups in one CDK app: `npx cdk synth` needs no network, `npx cdk deploy --all` makes them.
import { App, Stack } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { DatabaseInstance, DatabaseInstanceEngine, PostgresEngineVersion } from 'aws-cdk-lib/aws-rds';
import { DatabaseBackups } from 'holdfast/cdk';

const app = new App();
const data = new Stack(app, 'ShopData');
const vpc = new Vpc(data, 'Vpc', { maxAzs: 2 });
const database = new DatabaseInstance(data, 'Database', {
  vpc,
  engine: DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_17 }),
  databaseName: 'shop',
  storageEncrypted: true,
});
if (!database.secret) throw new Error('the database has no login of its own');

const backups = new DatabaseBackups(new Stack(app, 'ShopBackups'), 'Backups', {
  vpc,
  sources: { shop: { kind: 'postgres', secret: database.secret.secretArn } },
  schedules: { daily: '0 2 * * *', weekly: '0 3 * * 0' },
  retention: { daily: 30, weekly: 84 },
  alertEmails: ['ops@example.com'],
});
backups.connections.allowToDefaultPort(database);
