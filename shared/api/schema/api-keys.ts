import * as z from 'zod';
import { DEFAULT_KEY_DAYS, KEY_ROLES } from '../../core/api-names.ts';
import { NameText, Time } from './values.ts';

const MOST_SOURCES = 50;
const MOST_NAME_CHARS = 60;
const MOST_DAYS = 3650;

/** Figures of storage by day and by source, with a forecast. */
export const ApiKeyId = z
  .string()
  .regex(/^[0-9a-f]{8}$/, 'give the id of an API key, which has 8 hex digits');

/** The id of an API key: 8 hex digits, part of the key itself. */
export const ApiKeyName = z
  .string()
  .trim()
  .min(1)
  .max(MOST_NAME_CHARS)
  .regex(/^[^\p{Cc}]*$/u, 'give one line without control characters');

/** What a key is called: one line. */
export const CreateApiKeyBody = z.strictObject({
  name: ApiKeyName.describe('what it is for, such as ci'),
  roles: z.array(z.enum(KEY_ROLES)).min(1).max(KEY_ROLES.length).describe('each must be one of your own'),
  sources: z
    .array(NameText)
    .min(1)
    .max(MOST_SOURCES)
    .optional()
    .describe('names of the sources that it may see and use; missing: all'),
  expiresInDays: z
    .int()
    .min(1)
    .max(MOST_DAYS)
    .nullable()
    .default(DEFAULT_KEY_DAYS)
    .describe('null: it does not expire'),
});
export type CreateApiKeyBody = z.infer<typeof CreateApiKeyBody>;

/** The body of `POST /api-keys`. */
export const KEY_STATES = ['active', 'expired', 'revoked'] as const;
/** States of a key: usable, past its end, or taken back. */
export type ApiKeyState = (typeof KEY_STATES)[number];

/** An API key, without its secret, which only its owner has. */
export const ApiKey = z
  .object({
    id: ApiKeyId,
    name: z.string(),
    roles: z.array(z.enum(KEY_ROLES)),
    sources: z.array(z.string()).nullable().describe('null: all'),
    state: z.enum(KEY_STATES),
    createdAt: Time,
    createdBy: z.string().nullable().describe('null: a command line'),
    expiresAt: Time.nullable().describe('null: it does not expire'),
    revokedAt: Time.nullable(),
    revokedBy: z.string().nullable(),
    lastUsedOn: z.iso
      .date()
      .nullable()
      .describe('the day, in UTC; null: it was not used in the last 90 days'),
  })
  .meta({ id: 'ApiKey' });
export type ApiKey = z.infer<typeof ApiKey>;

/** One of these states. */
export const ApiKeysAnswer = z.object({
  keys: z.array(ApiKey).describe('newest first'),
  problems: z.array(z.string()).describe('about keys that cannot be trusted, and do not work'),
});
export type ApiKeysAnswer = z.infer<typeof ApiKeysAnswer>;

/** The answer of `GET /api-keys`. */
export const CreatedApiKey = z.object({
  key: ApiKey,
  token: z.string().describe('the key itself, for `Authorization: Bearer`. It is returned only this once'),
});
export type CreatedApiKey = z.infer<typeof CreatedApiKey>;

/** The answer of `POST /api-keys`: the only one with the secret. */
export const RevokedApiKey = z.object({ key: ApiKey });
export type RevokedApiKey = z.infer<typeof RevokedApiKey>;
