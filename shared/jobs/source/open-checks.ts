import type { Env, SourceConfig } from '../../sources/plugin.ts';
import { pluginOf } from '../../sources/registry.ts';
import type { SourceChecks } from '../../sources/source-checks.ts';
import { refuseUnset } from './adapters.ts';

/** What can be checked before a first backup. @throws E_CONFIG listing every problem with its settings */
export async function openChecks(config: SourceConfig, env: Env): Promise<SourceChecks> {
  refuseUnset(config);
  const { plugin = pluginOf(config.kind) } = config;
  return plugin.openChecks(config, env);
}
