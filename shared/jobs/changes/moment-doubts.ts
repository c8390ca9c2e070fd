import { backupName } from '../../core/backup-words.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { type BackupKey, parseBackupKey } from '../../core/ids.ts';
import { plural } from '../../core/plural.ts';
import { type Body, parseBody } from '../../format/report-bodies.ts';
import type { StoredReport } from '../../repository/documents/stored-report.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChosenMoment } from './choose-moment.ts';

const MOST_NAMED = 5;

/** A proof between two backups. */
interface Found {
  readonly report: StoredReport;
  readonly base: BackupKey;
  readonly before: BackupKey | undefined;
  readonly outcome: string;
  readonly differing: number;
}

/**
 * What speaks against a moment: its changes lie between two backups, and the newest proof of the later one found that they do not agree
 * with it. Reads the reports of proofs since the moment's base.
 *
 * @param about `datasets`: only these are restored; all if undefined
 * @returns sentences. @throws E_STORE_*
 */
export async function momentDoubts(
  repository: Repository,
  chosen: ChosenMoment,
  about: { readonly datasets?: readonly string[] | undefined; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  if (chosen.segments.length === 0) return [];
  const { signal } = about;
  const newest = new Map<BackupKey, Found>();
  const since = new Date(chosen.base.startedAt);
  for await (const report of repository.reports.readAll(['proof'], signal, since)) {
    const found = foundIn(report);
    if (found && isLater(report, newest.get(found.base)?.report)) newest.set(found.base, found);
  }
  const doubts: string[] = [];
  for (const found of newest.values())
    if (found.outcome === 'different' && (await isBetween(repository, chosen, found, signal)))
      doubts.push(...(await sentencesOf(repository, found, about)));
  return doubts;
}

/** @throws E_NOT_CONFIRMED if something speaks against the moment, and nobody has said that it is wanted all the same */
export function refuseDoubts(doubts: readonly string[], isWanted: boolean, hint: string): void {
  const [first] = doubts;
  if (first !== undefined && !isWanted) throw new HoldfastError('E_NOT_CONFIRMED', first, { hint });
}

/** One that cannot be read is for the status to say. */
function foundIn(stored: StoredReport): Found | undefined {
  const { report } = stored;
  const base = report?.backups[0];
  const body = report && bodyOf(report);
  if (!report || base === undefined || !body) return undefined;
  const { outcome, differing = 0 } = body;
  return {
    report: stored,
    base: base as BackupKey,
    before: report.backups[1] as BackupKey | undefined,
    outcome,
    differing,
  };
}

function bodyOf(report: NonNullable<StoredReport['report']>): Body<'proof'> | undefined {
  try {
    return parseBody('proof', report);
  } catch (error) {
    if (!isHoldfastError(error, 'E_DAMAGED')) throw error;
    return undefined;
  }
}

function isLater({ report, storedAt }: StoredReport, known: StoredReport | undefined): boolean {
  if (!known) return true;
  const [at = '', knownAt = ''] = [report?.at, known.report?.at];
  return at > knownAt || (at === knownAt && storedAt > known.storedAt);
}

/** Whether changes between the two backups are applied. */
async function isBetween(
  repository: Repository,
  { base: begun, segments }: ChosenMoment,
  { base: later, before }: Found,
  signal: AbortSignal,
): Promise<boolean> {
  const [start, end] = [parseBackupKey(begun.key)?.startedAt, parseBackupKey(later)?.startedAt];
  if (start && end && start >= end) return false;
  // One that is gone, or that is not known, may be the one that this restore begins with.
  const first = before && (await repository.inspectIfListed(before, signal))?.manifest?.changes?.after;
  return (segments.at(-1)?.head.number ?? 0) > (first ?? 0);
}

async function sentencesOf(
  repository: Repository,
  { report: { key, report }, base, before = base, differing }: Found,
  { datasets, signal }: { readonly datasets?: readonly string[] | undefined; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const found = report && (await differentDatasets(repository, report, signal));
  const concerned = found?.filter((name) => datasets?.includes(name) ?? true);
  if (concerned?.length === 0) return [];
  const names = concerned?.slice(0, MOST_NAMED) ?? [];
  const more = (concerned?.length ?? 0) - names.length;
  const where = names.length === 0 ? '' : ` of ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return [
    `the changes between ${backupName(before)} and ${backupName(base)} cannot be trusted: their proof found ${plural(differing, 'row')}${where} that ${differing === 1 ? 'is' : 'are'} not as the later backup has ${differing === 1 ? 'it' : 'them'}; see holdfast show ${backupName(key)}`,
  ];
}

/** By name; undefined if the report does not say. */
async function differentDatasets(
  repository: Repository,
  report: NonNullable<StoredReport['report']>,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  if (!repository.context.keys.hasRootKey) return undefined;
  const details = await repository.reports.details(report, signal);
  const datasets = details?.['datasets'];
  if (!Array.isArray(datasets)) return undefined;
  return datasets.flatMap((one) =>
    typeof one === 'object' && one !== null && !Array.isArray(one) && one['state'] === 'different'
      ? [String(one['dataset'])]
      : [],
  );
}
