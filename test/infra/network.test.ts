import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { type IVpc, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  DatabaseInstance,
  DatabaseInstanceEngine,
  MariaDbEngineVersion,
  PostgresEngineVersion,
} from 'aws-cdk-lib/aws-rds';
import { describe, expect, it } from 'vitest';
import { DatabaseBackups } from '../../infra/constructs/database-backups.ts';
import type { DatabaseBackupsProps } from '../../infra/constructs/database-backups-props.ts';
import { deploymentOf, FULL_CONFIG, SECRETS } from '../support/aws/deployment.ts';
import { schemaProblems } from '../support/aws/resource-schemas.ts';
import { resolved } from '../support/aws/synthesised.ts';
import { standInBundles } from '../support/repository/stand-in-bundles.ts';

const bundles = standInBundles();
const SHOP = { shop: { kind: 'postgres' as const, secret: SECRETS.source } };
const GAME = { game: { kind: 'firebase-rtdb' as const, url: 'https://game.firebaseio.com' } };
const TARGETS = { scratch: { kind: 'postgres' as const, secret: SECRETS.target } };

/** In two zones without any way out. */
function closedVpc(scope: Stack): IVpc {
  const subnetConfiguration = [{ name: 'data', subnetType: SubnetType.PRIVATE_ISOLATED }];
  return new Vpc(scope, 'Vpc', { maxAzs: 2, natGateways: 0, subnetConfiguration }) as IVpc;
}

function closed(props: Partial<DatabaseBackupsProps> = {}) {
  const stack = new Stack(new App(), 'Closed');
  const vpc = closedVpc(stack);
  new DatabaseBackups(stack, 'Backups', { sources: SHOP, vpc, endpoints: true, bundles, ...props });
  return Template.fromStack(stack);
}

/** `s3 (gateway)`, and the short names of the others: what comes after the region. */
function endpointsOf(template: Template): string[] {
  return Object.values(template.findResources('AWS::EC2::VPCEndpoint')).map(({ Properties }) => {
    const name = String(resolved(Properties.ServiceName)).replace('com.amazonaws.eu-west-1.', '');
    return Properties.VpcEndpointType === 'Gateway' ? `${name} (gateway)` : name;
  });
}

/** What docs/guide/aws.md says: the endpoints that a row adds. */
function documented(...rows: string[]): string[] {
  const text = readFileSync('docs/guide/aws.md', 'utf8');
  return rows.flatMap((row) => {
    const line = text.split('\n').find((one) => one.startsWith(`| ${row} |`)) ?? '';
    const [, , cell = ''] = line.split('|');
    return [...cell.matchAll(/`([a-z0-9.]+)`( \(gateway\))?/g)].map(([, name = '', how = '']) => name + how);
  });
}

const ALWAYS = 'every deployment';
const HELD = 'a source of PostgreSQL';
const MANAGER = 'a secret in Secrets Manager';
const PARAMETER = 'a secret in Parameter Store';
const WRITES = '`targets` or `drill`';
const TASKS = '`fargate`';

describe('a VPC without any way out', () => {
  it.each<[string, Partial<DatabaseBackupsProps>, string[]]>([
    ['PostgreSQL', {}, [ALWAYS, HELD, MANAGER]],
    ['Firebase without a secret', { sources: GAME }, [ALWAYS]],
    ['a target', { targets: TARGETS }, [ALWAYS, HELD, MANAGER, PARAMETER, WRITES]],
    [
      'everything',
      { sources: { ...SHOP, ...GAME }, targets: TARGETS, fargate: {} },
      [ALWAYS, HELD, MANAGER, PARAMETER, WRITES, TASKS],
    ],
  ])('gets the endpoints that docs/guide/aws.md lists: %s', (_, props, rows) => {
    const template = closed(props);
    const wanted = [...new Set(documented(...rows))];
    expect(wanted.length).toBeGreaterThan(1);
    expect(endpointsOf(template).toSorted()).toEqual(wanted.toSorted());
    expect(schemaProblems(template.toJSON())).toEqual([]);
  });

  it('lets what reaches databases through them alone, with names that resolve inside', () => {
    const template = closed();
    for (const { Properties } of Object.values(template.findResources('AWS::EC2::VPCEndpoint'))) {
      if (Properties.VpcEndpointType === 'Gateway') expect(Properties.RouteTableIds).toHaveLength(2);
      else expect(Properties).toMatchObject({ PrivateDnsEnabled: true, SubnetIds: [{}, {}] });
    }
    const ingress = Object.values(template.findResources('AWS::EC2::SecurityGroupIngress'));
    expect(ingress.map(({ Properties }) => Properties.FromPort)).toEqual([443]);
    template.allResourcesProperties('AWS::EC2::SecurityGroup', { SecurityGroupIngress: Match.absent() });
    // What reaches databases is there too, in subnets that are not private but isolated.
    const inside = Object.values(template.findResources('AWS::Lambda::Function')).flatMap(
      ({ Properties }) => Properties.VpcConfig ?? [],
    );
    expect(inside).toHaveLength(7);
    for (const { SubnetIds } of inside) expect(SubnetIds).toHaveLength(2);
  });

  it('is not made up: without a vpc they are refused', () => {
    const stack = new Stack(new App(), 'None');
    const make = () => new DatabaseBackups(stack, 'Backups', { sources: SHOP, endpoints: true, bundles });
    expect(make).toThrow('endpoints is set, but there is no vpc');
  });
});

describe('a database in the same app', () => {
  const ENGINES = {
    postgres: DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_17 }),
    mysql: DatabaseInstanceEngine.mariaDb({ version: MariaDbEngineVersion.VER_10_11 }),
  };

  function app({ inOneStack, kind }: { readonly inOneStack: boolean; readonly kind: keyof typeof ENGINES }) {
    const root = new App();
    const env = { account: '111122223333', region: 'eu-west-1' };
    const data = new Stack(root, 'Data', { env });
    const stack = inOneStack ? data : new Stack(root, 'Backup', { env });
    const vpc = new Vpc(data, 'Vpc', { maxAzs: 2 }) as IVpc;
    const database = new DatabaseInstance(data, 'Shop', { vpc, engine: ENGINES[kind] });
    const secret = database.secret?.secretArn ?? '';
    const sources = { shop: { kind, secret } };
    const backups = new DatabaseBackups(stack, 'Backups', { vpc, sources, bundles });
    backups.connections.allowToDefaultPort(database);
    return { root, data, stack, backups };
  }

  const BOTH = [
    { inOneStack: true, kind: 'postgres' },
    { inOneStack: false, kind: 'mysql' },
  ] as const;
  it.each(BOTH)('is reached at its own port, without a cycle: $kind, in one stack: $inOneStack', (choice) => {
    const { root, data, stack } = app(choice);
    root.synth();
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
      SourceSecurityGroupId: Match.anyValue(),
      GroupId: Match.anyValue(),
      // Which port that is RDS knows when it has made the database: 5432 or 3306.
      FromPort: choice.inOneStack
        ? { 'Fn::GetAtt': [Match.stringLikeRegexp('Shop'), 'Endpoint.Port'] }
        : { 'Fn::ImportValue': Match.stringLikeRegexp('EndpointPort') },
    });
    expect(data.dependencies.map(({ stackName }) => stackName)).toEqual([]);
  });

  it('is not reached from outside of a VPC', () => {
    const stack = new Stack(new App(), 'None');
    const backups = new DatabaseBackups(stack, 'Backups', { sources: SHOP, bundles });
    expect(() => backups.connections).toThrow('vpc is not set');
  });
});

it('the security groups are in an output, given or made', () => {
  const { network, ...aws } = FULL_CONFIG.aws ?? {};
  const { vpcId = '', subnetIds = [] } = network ?? {};
  deploymentOf(FULL_CONFIG).pipeline.hasOutput('SecurityGroupIds', { Value: 'sg-0123456789abcdef0' });
  const made = deploymentOf({ ...FULL_CONFIG, aws: { ...aws, network: { vpcId, subnetIds } } });
  made.pipeline.hasOutput('SecurityGroupIds', {
    Value: { 'Fn::GetAtt': [Match.stringLikeRegexp('SecurityGroup'), 'GroupId'] },
  });
  const none = deploymentOf({ sources: SHOP });
  expect(none.pipeline.findOutputs('SecurityGroupIds')).toEqual({});
});
