import * as z from 'zod';
import { FIREBASE_INSTANCES, FIREBASE_OPTIONS, POSTGRES_OPTIONS } from '../sources/source-options.ts';
import { ageOf, isAge } from './age.ts';
import type { NamedSource } from './named-source.ts';

/** In a CDK app, what stands for a value until it is deployed. */
const TOKEN = String.raw`\$\{Token\[[^\]]+\]\}`;

/** Of services and what is in them, by name; each part of it may be known when it is deployed, and so may be all of it. */
export function arnOf(resources: Readonly<Record<string, string>>): RegExp {
  const known = Object.entries(resources).map(
    ([service, resource]) => `${service}:(?:[a-z0-9-]+|${TOKEN}):(?:\\d{12}|${TOKEN}):${resource}.+`,
  );
  return new RegExp(`^(?:arn:(?:aws[a-z-]*|${TOKEN}):(?:${known.join('|')})|${TOKEN})$`);
}

/** ARN of a Secrets Manager secret, or of a parameter of Parameter Store. */
export const SecretArn = z
  .string()
  .regex(
    arnOf({ secretsmanager: 'secret:', ssm: 'parameter/' }),
    'wanted is the ARN of a Secrets Manager secret or of an SSM parameter',
  );
const url = z.string().min(1);
const secret = {
  secret: SecretArn.optional(),
  /** ARN of the KMS key of one's own that the secret is encrypted with. */
  secretKey: z
    .string()
    .regex(arnOf({ kms: 'key/' }), 'wanted is the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID)')
    .optional(),
};
const PORT = 'wanted is a port, 1 to 65535';
/** What RDS's own secrets leave out. */
const server = {
  host: z.string().min(1).optional(),
  port: z
    .union(
      [
        z.number().int().min(1).max(65_535),
        z
          .string()
          .regex(/^\d{1,5}$/)
          .transform(Number),
        z.string().regex(new RegExp(`^${TOKEN}$`)),
      ],
      { error: PORT },
    )
    .optional(),
  database: z.string().min(1).optional(),
};

/** PostgreSQL's whole URL is a secret, or none of it is. */
const postgres = {
  url: url.optional(),
  ...secret,
  ...server,
  /** Which database `auth: 'iam'` may log in to, as RDS calls it: `db-…`, `cluster-…` or `prx-…`. */
  dbResourceId: z.string().min(1).optional(),
  ...POSTGRES_OPTIONS,
};
const firebase = { url, ...secret, ...FIREBASE_OPTIONS };
const firebaseInstances = { ...firebase, url: url.optional(), instances: FIREBASE_INSTANCES.optional() };
const URL_OR_INSTANCES = { path: ['url'], message: 'give url or instances, and one of them only' };
const ONE_OF_BOTH = 'give url or secret, and one of them only';

type PostgresPlace = Readonly<Partial<Record<keyof typeof postgres, unknown>>>;

function checkPostgres(place: PostgresPlace, context: z.core.$RefinementCtx): void {
  const problem = (name: keyof typeof postgres, message: string) =>
    context.addIssue({ code: 'custom', path: [name], message });
  const { url, secret, auth } = place;
  if ((url === undefined) === (secret === undefined)) problem('url', ONE_OF_BOTH);
  if (auth === 'iam' && secret !== undefined)
    problem('auth', "auth 'iam' takes no secret: give url, postgres://USER@HOST/DATABASE");
  for (const name of ['host', 'port', 'database', 'secretKey'] as const)
    if (place[name] !== undefined && secret === undefined)
      problem(name, `${name} is for beside a secret; without one it is in url`);
  if (place.dbResourceId !== undefined && auth !== 'iam')
    problem('dbResourceId', "dbResourceId is for auth 'iam' alone");
}

/** Of sources alone. */
const ofSource = {
  /** How old its newest good backup may be: its recovery point objective. */
  rpo: z
    .string()
    .refine((text) => isAge(text) && ageOf(text) > 0, "wanted is an age such as '90m', '26h' or '8d'")
    .optional(),
};

/** Databases that are backed up, by name. */
export const Sources = z.record(
  z.string().regex(/^[a-z][a-z0-9_-]*$/i, 'a source is named by letters, digits, - and _'),
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('postgres'), ...postgres, ...ofSource }).superRefine(checkPostgres),
    z
      .strictObject({ kind: z.literal('firebase-rtdb'), ...firebaseInstances, ...ofSource })
      .refine(({ url, instances }) => (url === undefined) !== (instances === undefined), URL_OR_INSTANCES),
    z.strictObject({ kind: z.literal('files'), url, ...ofSource }),
  ]),
);

/** Databases that restores may write to, by name. */
export const Targets = Sources.superRefine((targets, context) => {
  for (const [name, { rpo }] of Object.entries(targets))
    if (rpo !== undefined)
      context.addIssue({
        code: 'custom',
        path: [name, 'rpo'],
        message: 'rpo is for sources: a target is not backed up',
      });
});

/** Where drills make their scratch targets, by kind of source. */
export const DrillConfig = z.strictObject({
  postgres: z.strictObject(postgres).superRefine(checkPostgres).optional(),
  'firebase-rtdb': z.strictObject(firebase).optional(),
  files: z.strictObject({ url }).optional(),
});

/** Sources or targets with their names. */
export function namedPlaces(places: z.infer<typeof Sources> = {}): readonly NamedSource[] {
  return Object.entries(places).map(([name, { rpo, ...place }]) => ({
    name,
    kind: place.kind,
    ...placeOf(place),
    ...(rpo === undefined ? {} : { rpoMs: ageOf(rpo) }),
  }));
}

/** What says where a database is and how to log in, without its name. */
export type PlaceSettings = Omit<NamedSource, 'name' | 'kind'>;
type DrillPlaces = Readonly<Partial<Record<NamedSource['kind'], PlaceSettings>>>;

export function drillPlaces(servers: z.infer<typeof DrillConfig> = {}): DrillPlaces {
  const places = Object.entries(servers).flatMap(([kind, server]) =>
    server ? [[kind, placeOf(server)]] : [],
  );
  return Object.fromEntries(places) as DrillPlaces;
}

/** What is no option of an adapter. */
export const LOGIN_SETTINGS = ['secret', 'secretKey', 'host', 'port', 'database', 'dbResourceId'] as const;

function placeOf(place: Readonly<Record<string, unknown>>): PlaceSettings {
  const { kind: _, url = '', ...given } = place as Record<string, string>;
  const isLogin = (name: string) => (LOGIN_SETTINGS as readonly string[]).includes(name);
  const ofLogin = (wanted: boolean) =>
    Object.fromEntries(
      Object.entries(given).filter(([name, value]) => value !== undefined && isLogin(name) === wanted),
    );
  return { url, ...ofLogin(true), options: ofLogin(false) };
}
