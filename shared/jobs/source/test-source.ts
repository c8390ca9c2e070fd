import type { ErrorCode } from '../../core/errors.ts';
import type { CheckOptions, SourceCheck, SourceChecks } from '../../sources/source-checks.ts';

export type { SourceCheck };

export interface SourceTest {
  readonly kind: string;
  readonly source: string;
  readonly checks: readonly SourceCheck[];
  /** Why no backup or no restore can be made; the first reason. Undefined where nothing was seen that stands against it. */
  readonly failure?: ErrorCode;
}

/** `holdfast test --source`: looks whether a database does what its source relies on. @throws E_ABORTED */
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
