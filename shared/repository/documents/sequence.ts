import type { BackupKey } from '../../core/ids.ts';
import type { Manifest, ManifestRef } from '../../format/manifest.ts';
import { readRemovals } from './removed-backups.ts';
import type { Reports } from './reports.ts';
import { isOf, type Sequence, type SequenceLink, type SequenceLinks } from './sequence-links.ts';

type Source = Manifest['source'];

/** How many backups with the same number the next one names as its predecessors. */
const MOST_HEADS = 16;

/** A repository's backups, as far as their sequences are concerned. */
export interface LinkedBackups {
  readonly links: SequenceLinks;
  readonly reports: Pick<Reports, 'read'>;
  backupKeys(signal: AbortSignal): Promise<readonly BackupKey[]>;
  /** When the store received the manifest. */
  storedAt(key: string): Date | undefined;
  /** Reads a manifest and records its link, if it is still listed. */
  inspectIfListed(key: BackupKey, signal: AbortSignal): Promise<unknown>;
}

/**
 * The link of a listed backup; undefined if its manifest cannot be trusted, or is gone. @throws E_STORE_*,
 * E_KEY_*
 */
export async function readLink(
  repository: LinkedBackups,
  key: BackupKey,
  signal: AbortSignal,
): Promise<SequenceLink | undefined> {
  const known = repository.links.get(key, repository.storedAt(key));
  if (known) return known;
  await repository.inspectIfListed(key, signal);
  return repository.links.get(key, repository.storedAt(key));
}

/**
 * The place of a backup that is about to be listed: after all backups of its source with the highest number.
 * Two that are made at the same time get the same number; the next one names both.
 *
 * @throws E_STORE_*, E_KEY_*
 */
export async function nextInSequence(
  repository: LinkedBackups,
  source: Source,
  signal: AbortSignal,
): Promise<Sequence> {
  const keys = await repository.backupKeys(signal);
  const { heads, unnumbered } = await findHeads(repository, keys, { source, signal });
  const [head] = heads;
  if (head?.sequence) return after(head.sequence.number, heads);
  const removed = await lastRemoved(repository, source, signal);
  if (removed) return after(removed.number, [removed]);
  return after(0, unnumbered ? [unnumbered] : []);
}

function after(number: number, refs: readonly ManifestRef[]): Sequence {
  const previous = refs.slice(0, MOST_HEADS).map(({ key, sha256 }) => ({ key, sha256 }));
  return { number: number + 1, previous };
}

/**
 * The backups with the highest number. Usually the newest backup and the one stored last have it, but not if
 * one was imported, or an old one was stored again. So the search starts from both and goes back through
 * their predecessors.
 */
async function findHeads(
  repository: LinkedBackups,
  newestFirst: readonly BackupKey[],
  { source, signal }: { readonly source: Source; readonly signal: AbortSignal },
): Promise<{ readonly heads: readonly SequenceLink[]; readonly unnumbered: SequenceLink | undefined }> {
  const storedAt = (key: string) => repository.storedAt(key)?.getTime() ?? 0;
  const lastFirst = newestFirst.toSorted((a, b) => storedAt(b) - storedAt(a) || (a < b ? 1 : -1));
  const looked = new Map<BackupKey, SequenceLink | undefined>();
  const read = async (key: BackupKey) => {
    if (!looked.has(key)) looked.set(key, await readLink(repository, key, signal));
    const link = looked.get(key);
    return link && isOf(source, link) ? link : undefined;
  };
  for (const order of [newestFirst, lastFirst]) await readDownFrom(order, read);
  const links = [...looked.values()].flatMap((link) => (link && isOf(source, link) ? [link] : []));
  const most = links.reduce((number, { sequence }) => Math.max(number, sequence?.number ?? 0), 0);
  const heads = most === 0 ? [] : links.filter(({ sequence }) => sequence?.number === most);
  const unnumbered = links.find(({ sequence }) => !sequence);
  return { heads: heads.toSorted((a, b) => (a.key < b.key ? -1 : 1)), unnumbered };
}

/** Down to the first with a lower number than one before it. */
async function readDownFrom(
  order: readonly BackupKey[],
  read: (key: BackupKey) => Promise<SequenceLink | undefined>,
): Promise<void> {
  let highest = 0;
  for (const key of order) {
    const number = (await read(key))?.sequence?.number ?? highest;
    if (number < highest) return;
    highest = number;
  }
}

/** The last backup of a source whose backups prune has all removed. */
async function lastRemoved(repository: LinkedBackups, source: Source, signal: AbortSignal) {
  const { removed } = await readRemovals(repository, signal);
  return removed
    .flatMap(({ number, ...one }) => (number !== undefined && isOf(source, one) ? [{ ...one, number }] : []))
    .toSorted((a, b) => b.number - a.number)[0];
}
