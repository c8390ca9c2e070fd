import type { Env, SourceConfig } from '../../sources/plugin.ts';
import { pluginOf } from '../../sources/registry.ts';
import type { SourceChecks } from '../../sources/source-checks.ts';

/** What can be checked before a first backup. @throws E_CONFIG listing every problem with its settings */
export function openChecks(config: SourceConfig, env: Env): Promise<SourceChecks> {
  const { plugin = pluginOf(config.kind) } = config;
  return plugin.openChecks(config, env);
}
