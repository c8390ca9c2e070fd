import { backupName } from '../shared/core/backup-words.ts';
import { parseBackupKey } from '../shared/core/ids.ts';
import { type CopyStanding, readCopyStandings } from '../shared/jobs/copy/copy-lag.ts';
import { copyPlaces, namesOfSources } from './copy-places.ts';
import { age, number, plural } from './format.ts';
import type { CommandSession } from './session.ts';

/** How far each configured second place is behind. */
export async function copyStandings({
  config,
  repository,
  io,
}: CommandSession): Promise<readonly CopyStanding[]> {
  if (config.copies.length === 0) return [];
  const places = config.copies.map((place) => copyPlaces.resolve(place, io));
  const namesOf = await namesOfSources(config, io);
  return readCopyStandings(repository, places, { namesOf, signal: io.signal });
}

/** Lines of `status`; none without a second place. */
export function describeCopies(copies: readonly CopyStanding[], now: Date): string {
  if (copies.length === 0) return '';
  const lines = copies.map(
    ({ name = '', to, ...standing }) => `  ${name.padEnd(12)} ${describeCopy(standing, now)} (${to})\n`,
  );
  return `copies\n${lines.join('')}`;
}

function describeCopy(
  { wanted, missing, changes, problem }: Omit<CopyStanding, 'name' | 'to'>,
  now: Date,
): string {
  if (problem !== undefined) return `cannot be checked: ${problem}`;
  const { missing: segments, oldestAt = now } = changes;
  const lacks =
    segments === 0 ? '' : `; lacks ${plural(segments, 'change segment')}, the oldest ${age(oldestAt, now)}`;
  return `${describeBackups(wanted, missing, now)}${lacks}`;
}

function describeBackups(wanted: number, missing: CopyStanding['missing'], now: Date): string {
  const [oldest] = missing;
  if (!oldest) return wanted === 1 ? 'has the only backup' : `has all ${plural(wanted, 'backup')}`;
  const since = age(parseBackupKey(oldest)?.startedAt ?? now, now);
  const count = `${number(missing.length)} of ${plural(wanted, 'backup')} ${missing.length === 1 ? 'is' : 'are'} missing`;
  return `${count}, the oldest ${backupName(oldest)}, ${since}`;
}
