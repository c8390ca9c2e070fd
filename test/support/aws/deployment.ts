import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { holdfastApp } from '../../../infra/holdfast-app.ts';
import type { HoldfastConfig } from '../../../shared/config/config.ts';
import { standInBundles } from '../repository/stand-in-bundles.ts';

export const SECRETS = {
  source: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf',
  target: 'arn:aws:ssm:eu-west-1:111122223333:parameter/scratch',
  drill: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:drills-GhIjKl',
  webhook: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:webhook-MnOpQr',
  mask: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:mask-StUvWx',
};

/** A configuration that says everything that can be said. */
export const FULL_CONFIG: HoldfastConfig = {
  repository: 's3://shop-backups/live',
  sources: {
    shop: {
      kind: 'postgres',
      secret: SECRETS.source,
      continuous: { everySeconds: 10, rpo: '3m' },
      mask: SECRETS.mask,
    },
    game: { kind: 'firebase-rtdb', url: 'https://game.firebaseio.com' },
  },
  targets: { scratch: { kind: 'postgres', secret: SECRETS.target } },
  drill: { postgres: { secret: SECRETS.drill } },
  schedules: {
    daily: { cron: '15 1 * * *', timeZone: 'Europe/Berlin' },
    hourly: { rate: '1 hour', sources: ['shop'] },
  },
  copy: {
    elsewhere: {
      to: 's3://shop-backups-elsewhere/live',
      region: 'eu-central-1',
      types: ['daily'],
      sources: ['shop'],
      retention: { daily: 90 },
      keep: { monthly: 12 },
      graceDays: 10,
      storageClass: 'GLACIER_IR',
    },
    near: { to: 's3://shop-backups-near' },
  },
  api: {
    auth: {
      kind: 'oidc',
      issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc',
      audience: 'client-of-console',
      clientId: 'client-of-console',
      rolesClaim: 'cognito:groups',
      roles: { viewer: ['staff'], operator: ['ops'], restorer: ['dba'] },
    },
    corsOrigins: ['https://admin.example.com'],
  },
  aws: {
    stackName: 'Shop',
    account: '111122223333',
    region: 'eu-west-1',
    network: {
      vpcId: 'vpc-0123456789abcdef0',
      subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
      securityGroupIds: ['sg-0123456789abcdef0'],
    },
    storage: {
      objectLock: { mode: 'compliance', days: 14 },
      transitions: [{ storageClass: 'GLACIER_IR', afterDays: 30 }],
      noncurrentDays: 60,
      exportDays: 3,
      runDays: 20,
    },
    notifications: { emails: ['ops@example.com'], webhook: { secret: SECRETS.webhook } },
    alarms: {
      backupAgeHours: 30,
      verificationAgeDays: 10,
      drillAgeDays: 50,
      decrypts: { alsoBy: ['arn:aws:iam::111122223333:role/dba'] },
    },
    fips: true,
    functions: {
      'backup-partition': { memoryMiB: 3008, timeoutMinutes: 10, reservedConcurrency: 7 },
      'admin-api': { reservedConcurrency: 9 },
    },
    api: { requestsPerSecond: 5, burst: 7 },
    console: {
      domainName: 'backups.example.com',
      certificate: 'arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
      signInOrigins: ['https://shop.auth.eu-west-1.amazoncognito.com'],
    },
    jobs: { verify: '0 4 * * 6', watchdog: { rate: '10 minutes' } },
    shareMiB: 512,
    maxConcurrency: 6,
    fargate: { cpu: 2048, memoryMiB: 8192, fromMiB: 2048, holder: true },
    logDays: 30,
  },
};

/** Signed requests in the place of an issuer's tokens, and so no console. */
export const IAM_CONFIG: HoldfastConfig = {
  ...FULL_CONFIG,
  targets: {
    ...FULL_CONFIG.targets,
    vouched: { kind: 'postgres', url: 'postgres://restorer@db.example/shop', auth: 'iam' },
    managed: {
      kind: 'postgres',
      secret: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-1-AbCdEf',
      secretKey: 'arn:aws:kms:eu-west-1:111122223333:key/99999999-2222-3333-4444-555555555555',
      host: 'db.example',
      database: 'shop',
    },
  },
  api: {
    auth: { kind: 'iam', roles: { viewer: ['arn:aws:iam::111122223333:role/view-*'] } },
    health: 'closed',
  },
  aws: { ...FULL_CONFIG.aws, console: undefined },
};

/** The app, and its stacks' templates. Nobody changes them: all files of a process that ask for the same configuration share them. */
export function deploymentOf(config: HoldfastConfig, env: Readonly<Record<string, string>> = {}): Deployment {
  const name = JSON.stringify([config, env]);
  const deployment = made.get(name) ?? newDeployment(config, env);
  made.set(name, deployment);
  return deployment;
}

const made = new Map<string, Deployment>();

interface Deployment {
  readonly app: App;
  readonly storage: Template;
  readonly pipeline: Template;
  readonly api: Template;
  readonly monitoring: Template;
}

/** One whose app may be changed. */
export function newDeployment(
  config: HoldfastConfig,
  env: Readonly<Record<string, string>> = {},
): Deployment {
  const outdir = mkdtempSync(path.join(tmpdir(), 'holdfast-cdk-'));
  const app = holdfastApp({
    file: config,
    fileName: 'holdfast.config.ts',
    env,
    bundles: standInBundles(),
    appProps: { outdir, analyticsReporting: false },
  });
  const stackName = config.aws?.stackName ?? 'Holdfast';
  const templates = new Map<string, Template>();
  const template = (part: string) => {
    const known =
      templates.get(part) ?? Template.fromStack(app.node.findChild(`${stackName}${part}`) as Stack);
    templates.set(part, known);
    return known;
  };
  return {
    app,
    get storage() {
      return template('Storage');
    },
    get pipeline() {
      return template('Pipeline');
    },
    get api() {
      return template('Api');
    },
    get monitoring() {
      return template('Monitoring');
    },
  };
}
