import type { ChangeSetup, ChangeSource } from '../../sources/changes.ts';
import type { Env, SourceConfig } from '../../sources/plugin.ts';
import { refuseUnset } from '../source/adapters.ts';
import { changesOf } from './changes-of.ts';

/** @throws E_SOURCE_UNSUPPORTED, E_CONFIG, E_SOURCE_* */
export async function openChanges(config: SourceConfig, env: Env): Promise<ChangeSource> {
  refuseUnset(config);
  return changesOf(config).openChanges(config, env);
}

/** @throws E_SOURCE_UNSUPPORTED, E_CONFIG, E_SOURCE_* */
export async function openChangeSetup(config: SourceConfig, env: Env): Promise<ChangeSetup> {
  refuseUnset(config);
  return changesOf(config).openSetup(config, env);
}
