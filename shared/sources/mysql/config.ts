import * as z from 'zod';
import { checkServer, SECRET_SETTINGS, SERVER_SETTINGS, text, url, whole } from '../settings.ts';

export const TLS_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
/** Ways to bring several sessions to one moment; `auto` takes the first that works. */
export const SNAPSHOT_CHOICES = ['auto', 'binlog', 'flush', 'lock', 'single'] as const;

/** Settings beside the URL and the login. */
export const MYSQL_OPTIONS = {
  tls: z.enum(TLS_MODES).optional(),
  caFile: text,
  auth: z.enum(['password', 'iam']).optional(),
  region: text,
  readers: whole(1, 64).optional(),
  lockTimeoutSeconds: whole(1, 86_400).optional(),
  partitionMiB: whole(1, 65_536).optional(),
  snapshot: z.enum(SNAPSHOT_CHOICES).optional(),
  optionsFile: text,
  users: z.boolean().optional(),
};

/** What the configuration says of a source, a target or a server of drills. */
export const MYSQL_SETTINGS = {
  shape: { url: url.optional(), ...SECRET_SETTINGS, ...SERVER_SETTINGS, ...MYSQL_OPTIONS },
  check: checkServer('mysql://USER@HOST/DATABASE'),
};
