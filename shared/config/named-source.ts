export interface NamedSource {
  readonly name: string;
  readonly kind: string;
  /** May hold a secret. Empty where all of it is in `secret`. */
  readonly url: string;
  /** ARN of a Secrets Manager secret or an SSM parameter that holds the URL, or the login. */
  readonly secret?: string;
  /** ARN of the key that the secret is encrypted with, where it is one's own. */
  readonly secretKey?: string;
  /** Beside a secret that holds user and password only. */
  readonly host?: string;
  readonly port?: number | string;
  readonly database?: string;
  /** Which database AWS vouches for the role at. */
  readonly dbResourceId?: string;
  /** How old its newest good backup may be. Of sources alone. */
  readonly rpoMs?: number;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}
