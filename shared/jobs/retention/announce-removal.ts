import type { BackupKey } from '../../core/ids.ts';
import { readLink } from '../../repository/documents/sequence.ts';
import type { SequenceLink } from '../../repository/documents/sequence-links.ts';
import type { Repository } from '../../repository/repository.ts';

/** Most backups in one report. */
const MOST = 1_000;
const NOTHING_YET = { expired: 0, putBack: 0, packs: 0, bytes: 0 };

/**
 * Records in a report which backups are about to be unlisted, before any is: so no prune removed any other
 * missing one. Untrusted ones are in no sequence, and are not named. Without a key nothing is recorded.
 *
 * @throws E_STORE_*, E_KEY_*
 */
export async function announceRemoval(
  repository: Repository,
  keys: readonly BackupKey[],
  signal: AbortSignal,
): Promise<void> {
  const { context, reports } = repository;
  if (!context.keys.hasRootKey) return;
  const { graceMs } = context;
  for (let at = 0; at < keys.length; at += MOST) {
    const backups = keys.slice(at, at + MOST);
    const links: SequenceLink[] = [];
    for (const key of backups) {
      const link = await readLink(repository, key, signal);
      if (link) links.push(link);
    }
    const body = { ...NOTHING_YET, graceMs, removed: bySource(links) };
    await reports.write('prune', { backups, body }, signal);
  }
}

function bySource(links: readonly SequenceLink[]) {
  const groups = Map.groupBy(links, ({ source }) => JSON.stringify([source.kind, source.name]));
  return [...groups.values()].flatMap((some) =>
    some[0] ? [{ source: { ...some[0].source }, backups: some.map(named) }] : [],
  );
}

function named({ key, sha256, sequence }: SequenceLink) {
  return { key, sha256, ...(sequence ? { number: sequence.number } : {}) };
}
