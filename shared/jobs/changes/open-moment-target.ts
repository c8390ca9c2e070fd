import type { Env, SourceConfig } from '../../sources/plugin.ts';
import { openTarget } from '../source/adapters.ts';
import { changesOf } from './changes-of.ts';
import type { MomentTarget } from './restore-moment.ts';

/**
 * Opens a database that a moment is restored into.
 *
 * @throws E_SOURCE_UNSUPPORTED for a kind without changes, E_CONFIG listing every problem with its settings
 */
export async function openMomentTarget(config: SourceConfig, env: Env): Promise<MomentTarget> {
  const { compare, openReplay } = changesOf(config);
  const target = await openTarget(config, env);
  return { target, compare, openReplay: (about) => openReplay(config, env, about) };
}
