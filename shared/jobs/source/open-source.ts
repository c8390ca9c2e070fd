import type { Source } from '../../sources/source.ts';
import { type Env, pluginFor, type SourceConfig } from './adapters.ts';

/**
 * Apart from what else is opened: functions that open no source do without the code of sources (tools/build-lambdas.ts).
 *
 * @throws E_CONFIG listing every problem with its settings
 */
export function openSource(config: SourceConfig, env: Env): Promise<Source> {
  return pluginFor(config).openSource(config, env);
}
