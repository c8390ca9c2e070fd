import { FilesChecks } from '../../sources/files/checks.ts';
import type { SourceChecks } from '../../sources/source-checks.ts';
import type { SourceKind } from '../../sources/source-kind.ts';
import { type Env, filePath, type SourceConfig } from './adapters.ts';
import { openServerChecks } from './open-server-checks.ts';

type OpenChecks = (config: SourceConfig, env: Env) => Promise<SourceChecks>;

const CHECKS: Readonly<Record<SourceKind, OpenChecks>> = {
  files: async ({ url }) => new FilesChecks(filePath(url)),
  'firebase-rtdb': async ({ url, options }, env) =>
    (await import('../../sources/firebase-rtdb/checks.ts')).openFirebaseChecks(url, options, env),
  postgres: openServerChecks,
};

/** What can be looked at before a first backup. @throws E_CONFIG listing every problem of its settings */
export function openChecks(config: SourceConfig, env: Env): Promise<SourceChecks> {
  return CHECKS[config.kind](config, env);
}
