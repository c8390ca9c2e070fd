import type { ContinuousSettings } from './continuous.ts';

/** A database of the configuration, by its name there. */
export interface NamedSource {
  readonly name: string;
  readonly kind: string;
  /** May hold a secret. Empty if the whole URL is in `secret`. */
  readonly url: string;
  /** ARN of a Secrets Manager secret or an SSM parameter that holds the URL, or the login. */
  readonly secret?: string;
  /** ARN of the key that encrypts the secret, if it is a customer-managed one. */
  readonly secretKey?: string;
  /** Only with a secret that holds just a user and password. */
  readonly host?: string;
  readonly port?: number | string;
  readonly database?: string;
  /** The database that AWS lets the role log in to. */
  readonly dbResourceId?: string;
  /** Maximum age of its newest good backup. Sources only. */
  readonly rpoMs?: number;
  /** How its changes are backed up; undefined: they are not. Sources only. */
  readonly continuous?: ContinuousSettings;
  /** Masking rules for people who may not see its rows as they are: a file or, on AWS, the ARN of a secret with them. Sources only. */
  readonly mask?: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

const SECRET_ARN = /^arn:[a-z-]+:(secretsmanager|ssm):/;

/** Whether `mask` of a source is a secret that has its rules, rather than a file. */
export function isSecretArn(mask: string): boolean {
  return SECRET_ARN.test(mask);
}
