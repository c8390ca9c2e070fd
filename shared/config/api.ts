import * as z from 'zod';
import { LIMIT_CLASSES, type LimitClass, ROLES, type Role } from '../core/api-names.ts';
import { MINUTE_MS, MiB } from '../core/units.ts';

const limit = z.number().int().min(1).max(1_000_000).optional();
const roles = z.strictObject(
  Object.fromEntries(ROLES.map((role) => [role, z.array(z.string().min(1)).optional()])) as Record<
    Role,
    z.ZodOptional<z.ZodArray<z.ZodString>>
  >,
);

/** A token from an OIDC issuer: Cognito, Firebase Auth, Auth0, … */
const OidcConfig = z.strictObject({
  kind: z.literal('oidc'),
  issuer: z.url({ protocol: /^https?$/ }),
  /** The audience that a token must name: its `aud`, or `client_id` for Cognito's access tokens. */
  audience: z.string().min(1),
  /** @default the address in the issuer's discovery document */
  jwksUri: z.url({ protocol: /^https?$/ }).optional(),
  /**
   * Claim whose values give roles: a text, a list of texts, or `true`. A `.` steps into a nested claim.
   * @default groups
   */
  rolesClaim: z.string().min(1).optional(),
  /** Claim values that give each role. A caller without any of them may do nothing. */
  roles,
  /** Claims that every token must have with these values. */
  requiredClaims: z.record(z.string().min(1), z.union([z.string(), z.boolean(), z.number()])).optional(),
  /** For the console: the client it signs in as, and the scopes it asks for. */
  clientId: z.string().min(1).optional(),
  scope: z.string().min(1).optional(),
});

/** Requests signed with SigV4; API Gateway checks the signature. */
const IamConfig = z.strictObject({
  kind: z.literal('iam'),
  /** ARNs of the users and roles that have each role; `*` matches anything but `/` and `:`. */
  roles,
});

/** The configuration's `api`: who may use the admin API. */
export const ApiConfig = z.strictObject({
  auth: z.discriminatedUnion('kind', [OidcConfig, IamConfig]).optional(),
  /** Whether `GET /health` answers `ok` or `failing` to everybody. */
  health: z.enum(['open', 'closed']).optional(),
  /** Whether the API takes API keys (`hf_…`). */
  keys: z.enum(['on', 'off']).optional(),
  rateLimit: z.strictObject({ windowMinutes: limit, read: limit, poll: limit, write: limit }).optional(),
  /** Origins of pages that may call the API from a browser, besides its own. */
  corsOrigins: z.array(z.string().regex(/^https?:\/\/[a-z0-9.[\]:-]+$/, 'give https://host')).optional(),
  /** Exports of backups with at most this many MiB of records are streamed in the response. */
  streamMiB: z.number().int().min(0).max(1_048_576).optional(),
});

/** How bearers of tokens of an issuer are let in. */
export type OidcSettings = z.infer<typeof OidcConfig>;
/** How roles of IAM are let in. */
export type IamSettings = z.infer<typeof IamConfig>;

/** How many requests a caller may make in a while. */
export interface RateLimits {
  readonly windowMs: number;
  /** Requests that one caller may make in a window, by class. */
  readonly most: Readonly<Record<LimitClass, number>>;
}

/** Who may use the admin API, checked and complete. */
export interface ApiSettings {
  readonly auth: OidcSettings | IamSettings | undefined;
  readonly isHealthOpen: boolean;
  readonly takesKeys: boolean;
  readonly rateLimit: RateLimits;
  readonly corsOrigins: readonly string[];
  readonly streamBytes: number;
}

const WINDOW_MINUTES = 15;
const MOST: Readonly<Record<LimitClass, number>> = { read: 50, poll: 600, write: 15 };
const STREAM_MIB = 4;

/** The same of a configuration, with its defaults. */
export function resolveApi(config: z.infer<typeof ApiConfig> = {}): ApiSettings {
  const { windowMinutes = WINDOW_MINUTES, ...given } = config.rateLimit ?? {};
  return {
    auth: config.auth,
    isHealthOpen: config.health !== 'closed',
    takesKeys: config.keys !== 'off',
    rateLimit: {
      windowMs: windowMinutes * MINUTE_MS,
      most: Object.fromEntries(LIMIT_CLASSES.map((name) => [name, given[name] ?? MOST[name]])) as Record<
        LimitClass,
        number
      >,
    },
    corsOrigins: config.corsOrigins ?? [],
    streamBytes: (config.streamMiB ?? STREAM_MIB) * MiB,
  };
}
