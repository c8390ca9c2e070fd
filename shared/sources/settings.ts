import * as z from 'zod';
import { arnOf, SecretArn, TOKEN } from '../core/arn.ts';

/**
 * Building blocks for what the configuration says of a database: settings beside `kind` and `rpo`. They are checked when the
 * configuration is read, not when a backup begins; what depends on the URL or the environment is the source's to check.
 */
export interface KindSettings<Shape extends z.ZodRawShape = z.ZodRawShape> {
  readonly shape: Shape;
  /** What several settings must be together. */
  readonly check?: (place: Readonly<Record<string, unknown>>, context: z.core.$RefinementCtx) => void;
  /** Settings whose values may be secret, beside `url` and `secret`: no message shows them. */
  readonly hidden?: readonly string[];
}

/** A whole number; digits of the environment do as well. */
export function whole(least: number, most: number) {
  const wanted = `give a whole number from ${least} to ${most}`;
  const number = z.number().int(wanted).min(least, wanted).max(most, wanted);
  return z.union([number, z.string().regex(/^\d+$/).transform(Number).pipe(number)], {
    error: wanted,
  });
}

/** A setting that is a URL. */
export const url = z.string().min(1);
/** A setting that may be left out. */
export const text = z.string().min(1).optional();

/** Of a database whose login is in a secret of AWS. */
export const SECRET_SETTINGS = {
  secret: SecretArn.optional(),
  /** ARN of the KMS key of one's own that the secret is encrypted with. */
  secretKey: z
    .string()
    .regex(arnOf({ kms: 'key/' }), 'give the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID)')
    .optional(),
};

/** Of a database on a server: what RDS's own secrets leave out, and its users that AWS vouches for. */
export const SERVER_SETTINGS = {
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
      { error: 'give a port from 1 to 65535' },
    )
    .optional(),
  database: z.string().min(1).optional(),
  /** Which database `auth: 'iam'` may log in to, as RDS calls it: `db-…`, `cluster-…` or `prx-…`. */
  dbResourceId: z.string().min(1).optional(),
};

/** Settings that say how to log in: of any kind, and no option of its adapter. */
export const LOGIN_SETTINGS = [...Object.keys(SECRET_SETTINGS), ...Object.keys(SERVER_SETTINGS)];

const ONE_OF_BOTH = 'give url or secret, and one of them only';

/** A check for a server whose whole URL is a secret, or none of it is. @param example `postgres://USER@HOST/DATABASE` */
export function checkServer(example: string): NonNullable<KindSettings['check']> {
  return (place, context) => {
    const problem = (name: string, message: string) =>
      context.addIssue({ code: 'custom', path: [name], message });
    const { url: given, secret, auth } = place;
    if ((given === undefined) === (secret === undefined)) problem('url', ONE_OF_BOTH);
    if (auth === 'iam' && secret !== undefined)
      problem('auth', `auth 'iam' takes no secret: give url, ${example}`);
    for (const name of ['host', 'port', 'database', 'secretKey'])
      if (place[name] !== undefined && secret === undefined)
        problem(name, `${name} goes with a secret; without a secret, put it into url`);
    if (place['dbResourceId'] !== undefined && auth !== 'iam')
      problem('dbResourceId', "dbResourceId is for auth 'iam' only");
  };
}
