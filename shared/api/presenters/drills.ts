import { isHoldfastError } from '../../core/errors.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import {
  type DrillEvidence,
  drillReportKey,
  evidenceOf,
  readDrillEvidence,
} from '../../jobs/drill/drill-evidence.ts';
import type { Naming } from '../../jobs/source/naming.ts';
import { type DatedKey, newestFirst } from '../../jobs/status/newest-first.ts';
import type { Repository } from '../../repository/repository.ts';
import { type ApiDrill, DrillAnswer, type DrillsAnswer, type DrillsQuery } from '../schema/drills.ts';
import { ApiError } from '../server/api-error.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { boundsOf } from './json.ts';

const READS = 8;
/** Reports read for one page, if a filter skips most of them. */
const MOST_READ = 600;

interface DrillOptions {
  readonly naming: Naming;
  /** Whether the caller sees drills of a source. */
  readonly isSeen: (source: string | undefined) => boolean;
  readonly signal: AbortSignal;
}

/** A page of drills, newest first. Untrusted reports do not count. */
export async function drillsPage(
  repository: Repository,
  query: DrillsQuery,
  { naming, isSeen, signal }: DrillOptions,
): Promise<DrillsAnswer> {
  const { limit, source, cursor } = query;
  const after = decodeCursor(cursor);
  const now = repository.clock.now();
  const keys = newestFirst(repository.store, ['reports/drill/'], { now, after, ...boundsOf(query), signal });
  const opened = orderedMap(keys, READS, async (dated) => {
    const stored = await repository.reports.open(dated.key, dated.info.modifiedAt, signal);
    const evidence = stored.report && (await believed(repository, stored, signal));
    return { dated, drill: evidence && (await drillOf(evidence, naming)) };
  });
  const drills: ApiDrill[] = [];
  let last: DatedKey | undefined;
  let read = 0;
  for await (const { dated, drill } of opened) {
    if (drills.length >= limit || read >= MOST_READ)
      return { drills, nextCursor: last ? encodeCursor(last) : null };
    last = dated;
    read++;
    const name = drill?.source?.name;
    if (drill && isSeen(name) && (source === undefined || name === source)) drills.push(drill);
  }
  return { drills, nextCursor: null };
}

async function believed(...given: Parameters<typeof evidenceOf>): Promise<DrillEvidence | undefined> {
  try {
    return await evidenceOf(...given);
  } catch (error) {
    if (isHoldfastError(error, 'E_DAMAGED')) return undefined;
    throw error;
  }
}

/** @throws E_BAD_REQUEST (404), E_DAMAGED */
export async function drillDetail(
  repository: Repository,
  name: string,
  { naming, isSeen, signal }: DrillOptions,
): Promise<DrillAnswer> {
  const evidence = await found(() => readDrillEvidence(repository, keyOf(name), signal));
  const { storedAt, sha256, software, signature, manifestSha256, details } = evidence;
  const drill = await drillOf(evidence, naming);
  if (!isSeen(drill.source?.name)) throw noReport();
  const answer: unknown = {
    ...drill,
    storedAt: storedAt.toISOString(),
    sha256,
    software,
    repository: evidence.repository,
    signature: signature ?? null,
    manifestNow: manifestSha256 ?? null,
    sealed: details ?? null,
  };
  return DrillAnswer.parse(answer);
}

/** A report as a file. */
export interface DrillFile {
  readonly fileName: string;
  readonly bytes: Uint8Array;
}

/** The report's own bytes. @throws E_BAD_REQUEST (404) */
export async function drillFile(
  repository: Repository,
  name: string,
  options: DrillOptions,
): Promise<DrillFile> {
  const { name: own, report } = await drillDetail(repository, name, options);
  return { fileName: `${own}.json`, bytes: await repository.store.get(report, { signal: options.signal }) };
}

async function drillOf(evidence: DrillEvidence, naming: Naming): Promise<ApiDrill> {
  const { key, at, backup, body, isProven, source } = evidence;
  const name = source && (await naming([source.name]))(source.name);
  return {
    ...body,
    at: at.toISOString(),
    report: key,
    name: key.slice(key.lastIndexOf('/') + 1, -'.json'.length),
    backup,
    source: source && name !== undefined ? { kind: source.kind, name } : null,
    isProven,
  };
}

function keyOf(name: string): string {
  try {
    return drillReportKey(name);
  } catch (cause) {
    throw noReport(cause);
  }
}

async function found<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw isHoldfastError(error, 'E_OBJECT_NOT_FOUND') ? noReport(error) : error;
  }
}

function noReport(cause?: unknown): ApiError {
  return new ApiError('E_BAD_REQUEST', 'there is no drill report of that name', {
    status: 404,
    cause,
    hint: 'GET /drills shows the existing ones.',
  });
}
