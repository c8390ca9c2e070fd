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
      .regex(/^[a-z][a-z0-9-]{0,31}$/, "a place is named by 1 to 32 of a-z, 0-9 and '-', a letter first"),
    z.strictObject({
      /** A folder, or `s3://bucket/prefix`. */
      to: z.string().min(1),
      /** Of the bucket. */
      region: z.string().min(1).optional(),
      /** Of a store that speaks S3. */
      endpoint: z.url().optional(),
      forcePathStyle: z.boolean().optional(),
      /** Of the AWS configuration files, whose login may put there; not for functions. */
      profile: z.string().min(1).optional(),
      /** Only backups of these. */
      types: z
        .array(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "a type is 1 to 32 of a-z, 0-9 and '-'"))
        .min(1)
        .optional(),
      /** Only backups of these sources, by their names. */
      sources: z.array(z.string().min(1)).min(1).optional(),
      /** What prunes there keep, by type; what they would not is not copied. */
      retention: RetentionConfig.optional(),
      keep: KeepConfig.optional(),
      /** The grace of prunes there. */
      graceDays: z.number().int().min(1).max(365).optional(),
      /** Of packs there. */
      storageClass: z.enum(STORAGE_CLASSES).optional(),
    }),
  )
  .refine((places) => Object.keys(places).length <= MOST_PLACES, `there may be ${MOST_PLACES} places`);

/** A second place. */
export interface CopyPlace {
  /** Undefined for one of the command line. */
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
  /** What prunes there keep; undefined: everything that is listed is copied. */
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
  /** Of the repository's store: where a place says none of its own. */
  readonly endpoint: string | undefined;
  readonly graceMs: number;
  readonly fileName: string;
}

/** @returns places by name; what is wrong is added to `problems` */
export function resolveCopies(input: CopyInput, problems: string[]): readonly CopyPlace[] {
  const { file, fileName } = input;
  const { copy = {}, sources = {}, s3 } = file;
  return Object.entries(copy).map(([name, given]) => {
    const { retention, keep, graceDays, types, storageClass, to, region, profile } = given;
    for (const source of (given.sources ?? []).filter((one) => !Object.hasOwn(sources, one)))
      problems.push(`${fileName}: copy.${name}.sources has '${source}', which is no source`);
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
