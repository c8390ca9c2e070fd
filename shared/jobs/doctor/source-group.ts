import { type HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { CheckUse, SourceChecks } from '../../sources/source-checks.ts';
import { type DoctorGroup, type DoctorRow, type GroupOptions, rowOf } from './row.ts';

/** A database to check. */
export interface ExaminedPlace {
  /** Its configured name, or what was given instead. */
  readonly name: string;
  /** Fetches its login, if that is a secret. @throws E_CONFIG, E_USAGE, E_SOURCE_* */
  open(signal: AbortSignal): Promise<SourceChecks>;
  /** Whether its login is a secret that must be fetched: that has a row of its own. */
  readonly hasSecret: boolean;
  /** @default 'backup' */
  readonly use?: CheckUse | undefined;
}

/** The checks of `holdfast test --source`, as rows. */
export function sourceGroup(place: ExaminedPlace): DoctorGroup {
  return { source: place.name, run: (options) => examinePlace(place, options) };
}

async function* examinePlace(
  { name: place, open, hasSecret, use }: ExaminedPlace,
  { signal, limitMs }: GroupOptions,
): AsyncGenerator<DoctorRow> {
  const first = `${place}/${hasSecret ? 'secret' : 'settings'}`;
  let checks: SourceChecks;
  try {
    checks = await open(AbortSignal.any([signal, AbortSignal.timeout(limitMs)]));
  } catch (error) {
    if (!isHoldfastError(error) || signal.aborted) throw error;
    yield failed(first, error);
    return;
  }
  if (hasSecret)
    yield { name: first, outcome: 'ok', seen: 'it can be read, and names a database', fix: null, code: null };
  const fix = `To see what follows from it: holdfast test --source ${place}.`;
  for await (const check of checks.run({ mayWrite: false, use, signal, limitMs }))
    yield rowOf(check, { name: `${place}/${check.name}`, code: 'E_SOURCE_FAILED', fix });
}

function failed(
  name: string,
  { code, message, hint = 'See docs/reference/configuration.md.' }: HoldfastError,
): DoctorRow {
  return { name, outcome: 'failed', seen: message, fix: hint, code };
}
