import { type ErrorCode, isHoldfastError } from '../core/errors.ts';
import type { SourceKind } from './source.ts';

/** What a look at a database showed of one thing that a source relies on. */
export interface Finding {
  /** `unknown`: the database has nothing to see it on. */
  readonly outcome: 'holds' | 'differs' | 'unknown';
  /** What was seen, in a few words. */
  readonly seen: string;
}

export interface SourceCheck {
  /** Stable, as docs have it: `etag-silent`. */
  readonly name: string;
  /** What is relied on, one sentence. */
  readonly assumes: string;
  /** What cannot be done without it; `saving`: nothing, it makes backups cheaper; `information`: nothing depends on it. */
  readonly neededFor: 'backup' | 'restore' | 'saving' | 'information';
  /** `skipped`: it was not looked at, `seen` says why. */
  readonly outcome: Finding['outcome'] | 'skipped';
  readonly seen: string;
  /** What follows where it does not hold. */
  readonly follows: string;
  /** Where an error said so. */
  readonly code?: ErrorCode;
}

export interface CheckOptions {
  /** Checks that write do so in a place of their own, and remove it. */
  readonly mayWrite: boolean;
  readonly signal: AbortSignal;
}

/** Looks whether a database does what its kind of source relies on. Constructed without I/O. */
export interface SourceChecks {
  readonly kind: SourceKind;
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
  look(context: Context, signal: AbortSignal): Promise<Finding>;
}

/** @throws E_ABORTED */
export async function* runChecks<Context>(
  checks: readonly Check<Context>[],
  context: Context,
  { mayWrite, signal }: CheckOptions,
): AsyncGenerator<SourceCheck> {
  const failed = new Set<string>();
  for (const check of checks) {
    const { name, assumes, neededFor, follows, needs = '', writes = false } = check;
    const why =
      writes && !mayWrite ? 'it writes' : failed.has(needs) ? `it needs what ${needs} looks for` : undefined;
    const made =
      why === undefined ? await lookAt(check, context, signal) : ({ outcome: 'skipped', seen: why } as const);
    if (made.outcome === 'differs' || made.outcome === 'skipped') failed.add(name);
    yield { name, assumes, neededFor, follows, ...made };
  }
}

async function lookAt<Context>(
  check: Check<Context>,
  context: Context,
  signal: AbortSignal,
): Promise<Finding & { readonly code?: ErrorCode }> {
  try {
    return await check.look(context, signal);
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    const hint = error.hint === undefined ? '' : ` ${error.hint}`;
    return { outcome: 'differs', seen: `${error.message}.${hint}`, code: error.code };
  }
}

export function holds(seen: string): Finding {
  return { outcome: 'holds', seen };
}

export function differs(seen: string): Finding {
  return { outcome: 'differs', seen };
}

export function unknown(seen: string): Finding {
  return { outcome: 'unknown', seen };
}
