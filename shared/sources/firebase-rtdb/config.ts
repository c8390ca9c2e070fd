import * as z from 'zod';
import { SECRET_SETTINGS, text, url, whole } from '../settings.ts';

const INSTANCE = /^[a-z][a-z0-9_-]{0,31}=https?:\/\/\S+$/i;

/** Several databases of one project as one source, by name; becomes `eu=URL us=URL`, as options are plain values. */
const INSTANCES = z
  .union([z.record(z.string(), z.string()).transform(entriesOf), z.string().transform(wordsOf)])
  .refine((entries) => entries.length > 0 && entries.every((entry) => INSTANCE.test(entry)), {
    error:
      'give databases by name, { eu: URL, us: URL }: names of up to 32 letters, digits, - and _, and URLs without blanks',
  })
  .transform((entries) => entries.join(' '));

function entriesOf(instances: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(instances).map(([name, place]) => `${name}=${place}`);
}

function wordsOf(words: string): readonly string[] {
  return words.split(/\s+/).filter(Boolean);
}

/** Settings beside the URL and the login. */
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

/** What the configuration says of the database that drills make nodes in. */
export const FIREBASE_DRILL_SETTINGS = { shape: { url, ...SECRET_SETTINGS, ...FIREBASE_OPTIONS } };

/** What the configuration says of a source or a target. */
export const FIREBASE_SETTINGS = {
  shape: { ...FIREBASE_DRILL_SETTINGS.shape, url: url.optional(), instances: INSTANCES.optional() },
  check: (place: Readonly<Record<string, unknown>>, context: z.core.$RefinementCtx): void => {
    if ((place['url'] === undefined) === (place['instances'] === undefined))
      context.addIssue({
        code: 'custom',
        path: ['url'],
        message: 'give url or instances, not both',
      });
  },
  // URLs may hold a token.
  hidden: ['instances'],
};
