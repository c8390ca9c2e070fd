import type { SourceChecks } from '../../sources/source-checks.ts';
import type { Env, SourceConfig } from './adapters.ts';

/** What can be looked at of PostgreSQL: functions that restore have no room for other kinds. @throws E_CONFIG listing every problem */
export async function openServerChecks({ url, options }: SourceConfig, env: Env): Promise<SourceChecks> {
  const { openPostgresChecks } = await import('../../sources/postgres/checks.ts');
  return openPostgresChecks(url, options, env);
}
