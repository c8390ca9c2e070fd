import { type ErrorCode, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { SECOND_MS } from '../../core/units.ts';
import { type DiffPage, readDiffPage, type ShownChange } from '../../jobs/inside/diff-page.ts';
import { backupVersion, openLive, type Version } from '../../jobs/inside/version.ts';
import type { Repository } from '../../repository/repository.ts';
import type { Source } from '../../sources/source.ts';
import type { ApiDatasetDiff, DiffAnswer, DiffQuery } from '../schema/inside.ts';
import { ApiError } from '../server/api-error.ts';
import { parseBackup } from '../server/parse-backup.ts';
import { decodePosition, encodePosition } from '../server/position-cursor.ts';
import { apiColumn, cutOf } from './rows.ts';
import { withoutOptions } from './without-options.ts';

const OPEN_MS = 12 * SECOND_MS;
const NOT_REACHED: readonly ErrorCode[] = [
  'E_SOURCE_UNREACHABLE',
  'E_SOURCE_REFUSED',
  'E_SOURCE_UNTRUSTED',
  'E_SOURCE_LOST',
];

/** What a diff needs besides the query. */
export interface DiffContext {
  /** The source of a backup as it is now. @throws E_BAD_REQUEST if it is not configured, E_CONFIG */
  readonly liveOf: (stored: { readonly kind: string; readonly name: string }) => Promise<Source>;
  readonly signal: AbortSignal;
}

/**
 * What differs between a backup and another one, or its source.
 *
 * @throws E_BAD_REQUEST; E_OUT_OF_TIME if there was no time to compare the named dataset; E_NO_DATASET, E_SOURCE_*, E_DAMAGED, E_STORE_*
 */
export async function diffPage(
  repository: Repository,
  key: BackupKey,
  query: DiffQuery,
  { liveOf, signal }: DiffContext,
): Promise<DiffAnswer> {
  const { dataset, limit } = query;
  const [skipped = 0] = decodePosition(query.after, 1) ?? [];
  return withoutOptions(async () => {
    const reader = await repository.openBackup(key, signal);
    const other = query.with === 'live' ? undefined : parseBackup(query.with);
    await using second: Version = other
      ? backupVersion(await repository.openBackup(other, signal))
      : await openNow(await liveOf(reader.manifest.source), reader.manifest.source.name, signal);
    const wanted = dataset === undefined ? {} : { datasets: [dataset], rows: { skipped, limit } };
    const pages = await readDiffPage(backupVersion(reader), second, { ...wanted, signal });
    const isComplete = pages.every(({ found }) => found !== undefined);
    if (dataset !== undefined && !isComplete) throw tooLarge(dataset);
    const datasets = pages.map((page) => datasetJson(page, skipped));
    return { key, with: other ?? 'live', datasets, isComplete };
  });
}

/** A server that does not answer is not waited for longer than a page is. */
async function openNow(source: Source, name: string, signal: AbortSignal): Promise<Version> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), OPEN_MS);
  try {
    return await openLive(source, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    if (signal.aborted) throw error;
    const why = late.signal.aborted ? `it did not answer within ${OPEN_MS / SECOND_MS} seconds` : undefined;
    throw notReached(name, error, why);
  } finally {
    clearTimeout(timer);
  }
}

/** What did not answer, or did not let us in, in words of somebody who compares. */
function notReached(name: string, cause: unknown, late: string | undefined): unknown {
  const known = isHoldfastError(cause) && NOT_REACHED.includes(cause.code) ? cause : undefined;
  if (!known && late === undefined) return cause;
  const hint = known?.hint ?? 'Check the host, the port, the network and that the server runs.';
  return new ApiError(
    known?.code ?? 'E_SOURCE_UNREACHABLE',
    `${name} as it is now cannot be compared: ${late ?? known?.message}`,
    { cause, hint: `${hint} Other backups can be compared meanwhile.` },
  );
}

function tooLarge(dataset: string): ApiError {
  return new ApiError('E_OUT_OF_TIME', `there was no time to compare all of ${dataset}`, {
    status: 504,
    hint: 'The command line has no such limit: holdfast diff KEY KEY --dataset NAME.',
  });
}

function datasetJson({ name, kind, isIn, found }: DiffPage, skipped: number): ApiDatasetDiff {
  const { added = null, removed = null, changed = null } = found?.counts ?? {};
  const schema = schemaSentences({ name, kind, isIn, found });
  const about = { name, kind, isIn, added, removed, changed, schema };
  if (!found) return { ...about, columns: [], rows: [] };
  const { diff, rows, hasMore } = found;
  return {
    ...about,
    columns: diff.columns.map((column) => apiColumn({ ...column, isKey: diff.key.includes(column.name) })),
    rows: rows.map(rowJson),
    ...(hasMore ? { after: encodePosition(skipped + rows.length) } : {}),
  };
}

function schemaSentences({ isIn, found }: DiffPage): string[] {
  const { addedColumns = [], removedColumns = [] } = found?.diff ?? {};
  return [
    ...(isIn === 'first' ? ['only the first has it'] : []),
    ...(isIn === 'second' ? ['only the second has it'] : []),
    ...(addedColumns.length > 0 ? [`only the second has the columns ${addedColumns.join(', ')}`] : []),
    ...(removedColumns.length > 0 ? [`only the first has the columns ${removedColumns.join(', ')}`] : []),
  ];
}

function rowJson({
  change,
  key,
  before,
  after,
  changedColumns,
}: ShownChange): ApiDatasetDiff['rows'][number] {
  const lengths = new Map<number, number>();
  for (const { column, characters } of [...(before?.cut ?? []), ...(after?.cut ?? [])])
    lengths.set(column, Math.max(characters, lengths.get(column) ?? 0));
  const cut = [...lengths].map(([column, characters]) => ({ column, characters }));
  return {
    change,
    key: [...key],
    ...(before ? { before: [...before.values] } : {}),
    ...(after ? { after: [...after.values] } : {}),
    ...(change === 'changed' ? { changedColumns: [...changedColumns] } : {}),
    ...cutOf(cut),
  };
}
