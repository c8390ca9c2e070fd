import { HoldfastError } from '../../core/errors.ts';
import type { ChangePlugin, SourceConfig } from '../../sources/plugin.ts';
import { KINDS, pluginOf } from '../../sources/registry.ts';

/** What a kind of database has for its stream of changes. @throws E_SOURCE_UNSUPPORTED if it has none */
export function changesOf({
  kind,
  plugin = pluginOf(kind),
}: Pick<SourceConfig, 'kind' | 'plugin'>): ChangePlugin {
  if (plugin.changes) return plugin.changes;
  const others = KINDS.filter(({ changes }) => changes).map(({ displayName }) => displayName);
  const known = others.length > 0 ? `; ${others.join(' and ')} can` : '';
  throw new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `${plugin.displayName} cannot be backed up continuously in this release${known}`,
    { hint: 'Make backups more often instead: each restores its own moment.' },
  );
}
