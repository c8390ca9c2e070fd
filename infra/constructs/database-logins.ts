import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import { isSecretArn, type NamedSource } from '../../shared/config/named-source.ts';

/** The rights to log in to some databases. */
interface Rights {
  /** ARNs of secrets of Secrets Manager and of parameters of Systems Manager. */
  readonly secrets: readonly string[];
  /** ARNs of the customer-managed keys that encrypt these. */
  readonly keys: readonly string[];
  /** ARNs of users that AWS vouches for. */
  readonly users: readonly string[];
}

/** The rights to log in to the configured databases, by purpose; `masks` to read masking rules. */
export type DatabaseLogins = Readonly<Record<'sources' | 'targets' | 'drills' | 'masks', Rights>>;

const NONE: Rights = { secrets: [], keys: [], users: [] };
/** For jobs that need none. */
export const NO_LOGINS: DatabaseLogins = { sources: NONE, targets: NONE, drills: NONE, masks: NONE };

type Place = Omit<NamedSource, 'name' | 'kind'>;

/** @throws if AWS is to vouch for a user that no URL names */
export function loginsOf(scope: Construct, { sources, targets, drill }: ResolvedConfig): DatabaseLogins {
  const rights = (places: readonly Place[]): Rights => ({
    secrets: unique(places.map(({ secret }) => secret)),
    keys: unique(places.map(({ secretKey }) => secretKey)),
    users: unique(places.map((place) => userArn(scope, place))),
  });
  const drills = Object.values(drill).filter((place) => place !== undefined);
  const masks = { ...NONE, secrets: maskSecrets(sources) };
  return { sources: rights(sources), targets: rights(targets), drills: rights(drills), masks };
}

/** Secrets with masking rules. */
export function maskSecrets(sources: readonly Pick<NamedSource, 'mask'>[]): readonly string[] {
  return unique(sources.map(({ mask }) => (mask !== undefined && isSecretArn(mask) ? mask : undefined)));
}

/** The address does not say which database it is. */
function userArn(scope: Construct, { url, options, dbResourceId = '*' }: Place): string | undefined {
  if (options['auth'] !== 'iam') return undefined;
  const user = URL.canParse(url) ? decodeURIComponent(new URL(url).username) : '';
  if (user === '')
    throw new Error(`auth 'iam' is set for ${url}, but its url names no user: SCHEME://USER@HOST/DATABASE`);
  const region = options['region'] === undefined ? {} : { region: String(options['region']) };
  return Stack.of(scope).formatArn({
    service: 'rds-db',
    ...region,
    resource: 'dbuser',
    resourceName: `${dbResourceId}/${user}`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

/** The services that use a secret's key. */
const SECRET_SERVICES = ['secretsmanager.*', 'ssm.*'];

/** Lets a role log in. */
export function loginStatements(rights: readonly Rights[]): PolicyStatement[] {
  const all = (member: keyof Rights) => unique(rights.flatMap((one) => one[member]));
  const secrets = all('secrets');
  const ofManager = secrets.filter((arn) => !isParameter(arn));
  return [
    ...statement('Secrets', 'secretsmanager:GetSecretValue', ofManager.flatMap(wholeArns)),
    ...statement('Parameters', 'ssm:GetParameter', secrets.filter(isParameter)),
    ...statement('SecretKeys', 'kms:Decrypt', all('keys'), {
      StringLike: { 'kms:ViaService': SECRET_SERVICES },
    }),
    ...statement('Connect', 'rds-db:connect', all('users')),
  ];
}

function statement(
  sid: string,
  action: string,
  resources: readonly string[],
  conditions: Readonly<Record<string, unknown>> = {},
): PolicyStatement[] {
  return resources.length === 0
    ? []
    : [new PolicyStatement({ sid, actions: [action], resources: [...resources], conditions })];
}

/** Whether Systems Manager keeps the secret of an ARN. */
export function isParameter(arn: string): boolean {
  return arn.split(':')[2] === 'ssm';
}

/**
 * The ARN as given, and with the six characters that Secrets Manager adds to a name. It may be either:
 * `shop-orders` may be a whole name.
 */
function wholeArns(arn: string): string[] {
  return [arn, `${arn}-??????`];
}

function unique(values: readonly (string | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== undefined))];
}
