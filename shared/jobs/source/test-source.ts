import type { ErrorCode } from '../../core/errors.ts';
import type { CheckOptions, SourceCheck, SourceChecks } from '../../sources/source-checks.ts';

export type { SourceCheck };

/** What backups and restores of a source can rely on. */
export interface SourceTest {
  readonly kind: string;
  readonly source: string;
  readonly checks: readonly SourceCheck[];
  /** The first reason why no backup or no restore can be made; undefined if nothing was found. */
  readonly failure?: ErrorCode;
}

/** `holdfast test --source`: checks whether a database behaves as its source needs. @throws E_ABORTED */
export async function testSource(
  source: SourceChecks,
  options: CheckOptions & { readonly onCheck?: (check: SourceCheck) => void },
): Promise<SourceTest> {
  const checks: SourceCheck[] = [];
  for await (const check of source.run(options)) {
    checks.push(check);
    options.onCheck?.(check);
  }
  const broken = checks.find(
    ({ outcome, neededFor, isMinor }) =>
      outcome === 'differs' && !isMinor && (neededFor === 'backup' || neededFor === 'restore'),
  );
  return {
    kind: source.kind,
    source: source.name,
    checks,
    ...(broken ? { failure: broken.code ?? 'E_SOURCE_FAILED' } : {}),
  };
}
