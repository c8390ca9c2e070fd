import { changesFolder } from '../../../shared/format/change-keys.ts';
import { type PollOptions, pollChanges } from '../../../shared/jobs/changes/poll.ts';
import { followSegments } from '../../../shared/repository/changes/change-chain.ts';
import { ChangeKeyMaker } from '../../../shared/repository/changes/change-key-maker.ts';
import { listSegments } from '../../../shared/repository/changes/list-segments.ts';
import { type OpenedSegment, readChanges } from '../../../shared/repository/changes/segment-reader.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import type { ChangeSource } from '../../../shared/sources/changes.ts';
import { never } from './engine.ts';

export const LOGGED = { kind: 'files', name: 'logged' };

/** Polls once, with keys of its own. */
export function pollOnce(repository: Repository, changes: ChangeSource, options: Partial<PollOptions> = {}) {
  return pollOf(repository, changes, LOGGED, options);
}

/** The same, as if the changes were of that source. */
export function pollOf(
  repository: Repository,
  changes: ChangeSource,
  source: typeof LOGGED,
  options: Partial<PollOptions> = {},
) {
  const keys = new ChangeKeyMaker(repository.context, source.name);
  return pollChanges(repository, changes, { source, keys, signal: never, ...options });
}

/** All segments, oldest first, each proven to follow the one before it. */
export async function chainOf({ context }: Repository): Promise<OpenedSegment[]> {
  const listed = await Array.fromAsync(listSegments(context.store, changesFolder(LOGGED), { signal: never }));
  return Array.fromAsync(followSegments(context, listed.reverse(), never));
}

/** All changes that are stored, one after the other. */
export async function storedChanges(repository: Repository): Promise<string> {
  let text = '';
  for (const segment of await chainOf(repository))
    for await (const block of readChanges(repository.context, segment, never)) text += block.toString();
  return text;
}
