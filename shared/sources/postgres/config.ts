import * as z from 'zod';
import { checkServer, SECRET_SETTINGS, SERVER_SETTINGS, text, url, whole } from '../settings.ts';

/** What a replication slot may be called. */
export const SLOT_NAME = /^[a-z0-9_]{1,63}$/;

/** Settings beside the URL and the login. */
export const POSTGRES_OPTIONS = {
  tls: z.enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']).optional(),
  caFile: text,
  auth: z.enum(['password', 'iam']).optional(),
  region: text,
  readers: whole(1, 64).optional(),
  lockTimeoutSeconds: whole(0, 86_400).optional(),
  partitionMiB: whole(1, 65_536).optional(),
  rolePasswords: z.boolean().optional(),
  slot: z.string().regex(SLOT_NAME, 'give a name of up to 63 of a-z, 0-9 and _').optional(),
};

/** What the configuration says of a source, a target or a server of drills. */
export const POSTGRES_SETTINGS = {
  shape: { url: url.optional(), ...SECRET_SETTINGS, ...SERVER_SETTINGS, ...POSTGRES_OPTIONS },
  check: checkServer('postgres://USER@HOST/DATABASE'),
};
