import * as z from 'zod';

/**
 * Settings of sources, targets and drill servers beside `kind`, `url` and `secret`, by kind. They are checked when the
 * configuration is read, not when a backup begins; what depends on the URL or the environment is the adapter's to check.
 */

/** Digits of the environment do as well. */
function whole(least: number, most: number) {
  const wanted = `wanted is a whole number from ${least} to ${most}`;
  const number = z.number().int(wanted).min(least, wanted).max(most, wanted);
  return z.union([number, z.string().regex(/^\d+$/).transform(Number).pipe(number)], {
    error: wanted,
  });
}

const text = z.string().min(1).optional();

export const POSTGRES_OPTIONS = {
  tls: z.enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']).optional(),
  caFile: text,
  auth: z.enum(['password', 'iam']).optional(),
  region: text,
  readers: whole(1, 64).optional(),
  lockTimeoutSeconds: whole(0, 86_400).optional(),
  partitionMiB: whole(1, 65_536).optional(),
  rolePasswords: z.boolean().optional(),
};

const INSTANCE = /^[a-z][a-z0-9_-]{0,31}=https?:\/\/\S+$/i;

/** Several databases of one project as one source, by name; becomes `eu=URL us=URL`, as options are plain values. */
export const FIREBASE_INSTANCES = z
  .union([z.record(z.string(), z.string()).transform(entriesOf), z.string().transform(wordsOf)])
  .refine((entries) => entries.length > 0 && entries.every((entry) => INSTANCE.test(entry)), {
    error:
      'wanted are databases by name, { eu: URL, us: URL }: names of up to 32 letters, digits, - and _, and URLs without blanks',
  })
  .transform((entries) => entries.join(' '));

function entriesOf(instances: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(instances).map(([name, url]) => `${name}=${url}`);
}

function wordsOf(text: string): readonly string[] {
  return text.split(/\s+/).filter(Boolean);
}

export const FIREBASE_OPTIONS = {
  auth: z.enum(['auto', 'none']).optional(),
  serviceAccountFile: text,
  region: text,
  timeoutSeconds: whole(1, 3600).optional(),
  readers: whole(1, 64).optional(),
  probeBytes: whole(256, 1e9).optional(),
  rereads: whole(0, 10).optional(),
  etags: z.enum(['auto', 'off']).optional(),
  usdPerGB: z.number().min(0).max(1000).optional(),
  firstPauseMs: whole(1, 60_000).optional(),
};
