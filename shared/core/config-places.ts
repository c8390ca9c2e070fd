import * as z from 'zod';
import type { NamedSource } from './config.ts';
import { FIREBASE_INSTANCES, FIREBASE_OPTIONS, POSTGRES_OPTIONS } from './source-options.ts';

/** ARN of a Secrets Manager secret, or of a parameter of Parameter Store; in a CDK app also what stands for one until it is deployed. */
export const SecretArn = z
  .string()
  .regex(
    /^(arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:\d{12}:secret:.+|ssm:[a-z0-9-]+:\d{12}:parameter\/.+)|\$\{Token\[.+\]\})$/,
    'wanted is the ARN of a Secrets Manager secret or of an SSM parameter',
  );
const url = z.string().min(1);

/** PostgreSQL's whole URL is a secret, or none of it is. */
const postgres = { url: url.optional(), secret: SecretArn.optional(), ...POSTGRES_OPTIONS };
const firebase = { url, secret: SecretArn.optional(), ...FIREBASE_OPTIONS };
const firebaseInstances = { ...firebase, url: url.optional(), instances: FIREBASE_INSTANCES.optional() };
const URL_OR_INSTANCES = { path: ['url'], message: 'give url or instances, and one of them only' };
const ONE_OF_BOTH = { path: ['url'], message: 'give url or secret, and one of them only' };

function hasOneOfBoth({ url, secret }: { readonly url?: unknown; readonly secret?: unknown }): boolean {
  return (url === undefined) !== (secret === undefined);
}

export const Places = z.record(
  z.string().regex(/^[a-z][a-z0-9_-]*$/i, 'a source is named by letters, digits, - and _'),
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('postgres'), ...postgres }).refine(hasOneOfBoth, ONE_OF_BOTH),
    z
      .strictObject({ kind: z.literal('firebase-rtdb'), ...firebaseInstances })
      .refine(({ url, instances }) => (url === undefined) !== (instances === undefined), URL_OR_INSTANCES),
    z.strictObject({ kind: z.literal('files'), url }),
  ]),
);

/** Where drills make their scratch targets, by kind of source. */
export const DrillConfig = z.strictObject({
  postgres: z.strictObject(postgres).refine(hasOneOfBoth, ONE_OF_BOTH).optional(),
  'firebase-rtdb': z.strictObject(firebase).optional(),
  files: z.strictObject({ url }).optional(),
});

export function namedPlaces(places: z.infer<typeof Places> = {}): readonly NamedSource[] {
  return Object.entries(places).map(([name, place]) => ({ name, kind: place.kind, ...placeOf(place) }));
}

type DrillPlaces = Readonly<
  Partial<Record<NamedSource['kind'], Pick<NamedSource, 'url' | 'secret' | 'options'>>>
>;

export function drillPlaces(servers: z.infer<typeof DrillConfig> = {}): DrillPlaces {
  const places = Object.entries(servers).flatMap(([kind, server]) =>
    server ? [[kind, placeOf(server)]] : [],
  );
  return Object.fromEntries(places) as DrillPlaces;
}

function placeOf(place: Readonly<Record<string, unknown>>): Pick<NamedSource, 'url' | 'secret' | 'options'> {
  const { kind: _, url = '', secret, ...options } = place as Record<string, string>;
  return { url, ...(secret === undefined ? {} : { secret }), options };
}
