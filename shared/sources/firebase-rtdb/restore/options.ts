import * as z from 'zod';
import type { RestoreOption } from '../../plugin.ts';
import type { RestoreOptions } from '../../target.ts';

const LEAST_RATE_MB = 0.01;
const MOST_RATE_MB = 10_000;
const BYTES_A_MB = 1e6;

/** Options that only targets of this kind know. */
export const FIREBASE_RESTORE_OPTIONS = {
  /** Write no faster than this. */
  bytesPerSecond: {
    schema: z.number(),
    flag: 'max-rate',
    argument: 'MB',
    help: 'limit the write speed, in MB/s',
    parse: rateOf,
    wanted: `${LEAST_RATE_MB} to ${MOST_RATE_MB} MB a second`,
  },
  /** Only what lies there: `/characters/alice`. */
  path: {
    schema: z.string(),
    flag: 'path',
    short: 'p',
    argument: 'PATH',
    help: 'only what lies there: /characters/alice',
    isForExports: true,
  },
  /** Where it goes. @default where it was */
  toPath: {
    schema: z.string(),
    flag: 'to-path',
    argument: 'PATH',
    help: 'where to put it (default: where it was)',
  },
  /** Only that database, of a backup or target of several. */
  instance: {
    schema: z.string(),
    flag: 'instance',
    argument: 'NAME',
    help: 'only that database, of a backup of several instances',
    isForExports: true,
    label: 'Only this instance',
  },
  /** Keep what the target has beside what is restored, instead of refusing. */
  merge: {
    schema: z.boolean(),
    flag: 'merge',
    help: "write the backup's values, keep every other key of the target, at every depth",
  },
  /** The target holds a part of this backup already: only the rest is written. */
  resume: {
    schema: z.boolean(),
    flag: 'resume',
    help: 'continue an interrupted restore: write only what is missing',
  },
  /** Put the security rules of the backup into force too. */
  rules: {
    schema: z.boolean(),
    flag: 'rules',
    help: 'put the security rules of the backup into force too',
  },
} as const satisfies Readonly<Record<string, RestoreOption>>;

type Stated = typeof FIREBASE_RESTORE_OPTIONS;

/** Options of a restore with those beside them. */
export type FirebaseRestoreOptions = Omit<RestoreOptions, 'special'> & {
  readonly [Name in keyof Stated]?: Stated[Name]['schema']['_output'] | undefined;
};

/** The same with what is special beside what is common. Done again, it changes nothing. */
export function firebaseOptions<Options extends RestoreOptions>({
  special,
  ...common
}: Options): Omit<Options, 'special'> & FirebaseRestoreOptions {
  return { ...common, ...special };
}

/** @returns bytes a second */
function rateOf(text: string): number | undefined {
  const rate = Number(text);
  return text !== '' && rate >= LEAST_RATE_MB && rate <= MOST_RATE_MB ? rate * BYTES_A_MB : undefined;
}
