import { abortedError } from '../core/abort.ts';
import { type ErrorCode, isHoldfastError } from '../core/errors.ts';
import { duration } from '../core/human.ts';

/** What a look at a database, or at anything else, showed of one thing that is relied on. */
export interface CheckResult {
  /** `unknown`: there is nothing to see it on. */
  readonly outcome: 'holds' | 'differs' | 'unknown';
  /** What was seen, in a few words. */
  readonly seen: string;
  /** What to do if it differs: a sentence. */
  readonly fix?: string | undefined;
  readonly code?: ErrorCode;
  /** It differs, and nothing that the check is needed for is lost by it. */
  readonly isMinor?: boolean;
}

/** Something that a backup or a restore relies on. */
export interface SourceCheck {
  /** Stable, as docs have it: `etag-silent`. */
  readonly name: string;
  /** What is relied on, one sentence. */
  readonly assumes: string;
  /** What cannot be done without it; `saving`: nothing, it makes backups cheaper; `information`: nothing depends on it. */
  readonly neededFor: 'backup' | 'restore' | 'saving' | 'information';
  /** `skipped`: it was not looked at, `seen` says why. */
  readonly outcome: CheckResult['outcome'] | 'skipped';
  readonly seen: string;
  /** What follows if it does not hold. */
  readonly follows: string;
  /** What to do if it does not hold, if an error or the check said so. */
  readonly fix?: string | undefined;
  /** The error's code, if an error said so. */
  readonly code?: ErrorCode;
  readonly isMinor?: boolean;
}

/** What a database is there for: to be backed up, to be restored to, or to have databases made in it for drills. */
export type CheckUse = 'backup' | 'drill' | 'restore';

/** What checks may do. */
export interface CheckOptions {
  /** Checks that write do so in a place of their own, and remove it. */
  readonly mayWrite: boolean;
  readonly signal: AbortSignal;
  /** How long one check may take. @default as long as it takes */
  readonly limitMs?: number | undefined;
  /** Checks of other uses are passed over. @default 'backup' */
  readonly use?: CheckUse | undefined;
}

/** Checks whether a database behaves as its kind of source needs. Constructed without I/O. */
export interface SourceChecks {
  readonly kind: string;
  /** No secret in it. */
  readonly name: string;
  /** One after the other, each once. @throws E_ABORTED; what else fails is an outcome */
  run(options: CheckOptions): AsyncIterable<SourceCheck>;
}

/** A check as an adapter writes it. */
export interface Check<Context> extends Pick<SourceCheck, 'name' | 'assumes' | 'neededFor' | 'follows'> {
  readonly writes?: boolean;
  /** The check without which this one cannot be made. */
  readonly needs?: string;
  /** @default all */
  readonly onlyFor?: CheckUse;
  /** What it means if there is no answer within the time. */
  readonly slow?: { readonly code: ErrorCode; readonly fix: string };
  look(context: Context, signal: AbortSignal): Promise<CheckResult>;
}

/** @throws E_ABORTED */
export async function* runChecks<Context>(
  checks: readonly Check<Context>[],
  context: Context,
  options: CheckOptions,
): AsyncGenerator<SourceCheck> {
  /** What cannot be relied on, with the check that it began with. */
  const causes = new Map<string, string>();
  const { use = 'backup' } = options;
  for (const check of checks.filter(({ onlyFor = use }) => onlyFor === use)) {
    const { name, assumes, neededFor, follows, needs = '', writes = false } = check;
    const cause = causes.get(needs);
    const why =
      writes && !options.mayWrite
        ? 'it writes'
        : cause === undefined
          ? undefined
          : `it needs what ${cause} looks for`;
    const made =
      why === undefined
        ? await lookAt(check, context, options)
        : ({ outcome: 'skipped', seen: why } as const);
    if (made.outcome === 'skipped' || (made.outcome === 'differs' && !made.isMinor))
      causes.set(name, cause ?? name);
    yield { name, assumes, neededFor, follows, ...made };
  }
}

async function lookAt<Context>(
  check: Check<Context>,
  context: Context,
  { signal, limitMs }: CheckOptions,
): Promise<CheckResult> {
  const limit = limitMs === undefined ? undefined : AbortSignal.timeout(limitMs);
  try {
    const given = limit ? AbortSignal.any([signal, limit]) : signal;
    return await orAborted(check.look(context, given), given);
  } catch (error) {
    if (signal.aborted) throw abortedError(signal);
    if (limit?.aborted && limitMs !== undefined) return tooLong(limitMs, check.slow);
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    return { outcome: 'differs', seen: error.message, fix: error.hint, code: error.code };
  }
}

/** A look that does not hear of the signal is left alone. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(abortedError(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function tooLong(limitMs: number, slow: Check<never>['slow']): CheckResult {
  return {
    outcome: 'differs',
    seen: `no answer within ${duration(limitMs)}`,
    fix: slow?.fix ?? 'Run it again; if it stays, look at the network between here and there.',
    ...(slow ? { code: slow.code } : {}),
  };
}

/** It is as relied on. */
export function holds(seen: string): CheckResult {
  return { outcome: 'holds', seen };
}

/** It is not: what was seen, and what to do. */
export function differs(seen: string, more: Pick<CheckResult, 'fix' | 'code' | 'isMinor'> = {}): CheckResult {
  return { outcome: 'differs', seen, ...more };
}

/** It could not be found out. */
export function unknown(seen: string): CheckResult {
  return { outcome: 'unknown', seen };
}
