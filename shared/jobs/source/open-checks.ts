import type { Env, SourceConfig } from '../../sources/plugin.ts';
import type { SourceChecks } from '../../sources/source-checks.ts';
import { pluginFor } from './adapters.ts';

/** What can be checked before a first backup. @throws E_CONFIG listing every problem with its settings */
export async function openChecks(config: SourceConfig, env: Env): Promise<SourceChecks> {
  return pluginFor(config).openChecks(config, env);
}
