import * as z from 'zod';
import { DAY_MS } from '../core/units.ts';
import {
  KeepConfig,
  RetentionConfig,
  type RetentionPolicy,
  resolveRetention,
  retentionProblems,
} from './retention.ts';
import { STORAGE_CLASSES, type StorageClass } from './storage.ts';

const MOST_PLACES = 5;

/** Second places that backups are copied to, by name. */
export const CopyConfig = z
  .record(
    z
      .string()
      .regex(
        /^[a-z][a-z0-9-]{0,31}$/,
        "a place's name has 1 to 32 of a-z, 0-9 and '-', beginning with a letter",
      ),
    z.strictObject({
      /** A folder, or `s3://bucket/prefix`. */
      to: z.string().min(1),
      /** The bucket's region. */
      region: z.string().min(1).optional(),
      /** Endpoint of an S3-compatible store. */
      endpoint: z.url().optional(),
      forcePathStyle: z.boolean().optional(),
      /** Profile in the AWS configuration files whose login may write there; not for functions. */
      profile: z.string().min(1).optional(),
      /** Only backups of these types. */
      types: z
        .array(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "a type is 1 to 32 of a-z, 0-9 and '-'"))
        .min(1)
        .optional(),
      /** Only backups of these sources, by name. */
      sources: z.array(z.string().min(1)).min(1).optional(),
      /** What prunes keep there, by type; what they would remove is not copied. */
      retention: RetentionConfig.optional(),
      keep: KeepConfig.optional(),
      /** The grace of prunes there. */
      graceDays: z.number().int().min(1).max(365).optional(),
      /** Storage class of packs there. */
      storageClass: z.enum(STORAGE_CLASSES).optional(),
    }),
  )
  .refine((places) => Object.keys(places).length <= MOST_PLACES, `there may be ${MOST_PLACES} places`);

/** A second place. */
export interface CopyPlace {
  /** Undefined for a place given on the command line. */
  readonly name: string | undefined;
  readonly to: string;
  readonly s3: {
    readonly region?: string | undefined;
    readonly endpoint?: string | undefined;
    readonly forcePathStyle?: boolean | undefined;
    readonly profile?: string | undefined;
  };
  readonly types: readonly string[] | undefined;
  readonly sources: readonly string[] | undefined;
  /** What prunes keep there; undefined: everything that is listed is copied. */
  readonly policy: RetentionPolicy | undefined;
  readonly graceMs: number;
  readonly storageClass: StorageClass | undefined;
}

interface CopyInput {
  readonly file: {
    readonly copy?: z.infer<typeof CopyConfig> | undefined;
    readonly sources?: Readonly<Record<string, unknown>> | undefined;
    readonly s3?: CopyPlace['s3'] | undefined;
  };
  /** The endpoint of the repository's store, if a place names none. */
  readonly endpoint: string | undefined;
  readonly graceMs: number;
  readonly fileName: string;
}

/** @returns places by name; adds what is wrong to `problems` */
export function resolveCopies(input: CopyInput, problems: string[]): readonly CopyPlace[] {
  const { file, fileName } = input;
  const { copy = {}, sources = {}, s3 } = file;
  return Object.entries(copy).map(([name, given]) => {
    const { retention, keep, graceDays, types, storageClass, to, region, profile } = given;
    for (const source of (given.sources ?? []).filter((one) => !Object.hasOwn(sources, one)))
      problems.push(`${fileName}: copy.${name}.sources has '${source}', which is not a source`);
    const policy = retention || keep ? resolveRetention(retention, keep, {}) : undefined;
    if (policy) problems.push(...retentionProblems(policy, `${fileName}: copy.${name}`));
    return {
      name,
      to,
      s3: {
        region,
        profile,
        endpoint: given.endpoint ?? input.endpoint,
        forcePathStyle: given.forcePathStyle ?? s3?.forcePathStyle,
      },
      types,
      sources: given.sources,
      policy,
      graceMs: graceDays === undefined ? input.graceMs : graceDays * DAY_MS,
      storageClass,
    };
  });
}
