import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { type Body, parseBody } from '../../format/report-bodies.ts';
import { madeAt } from '../../repository/documents/reports.ts';
import type { StoredReport } from '../../repository/documents/stored-report.ts';
import type { Repository } from '../../repository/repository.ts';
import { AS_STORED, type Naming } from '../source/naming.ts';

/** What the reports of prunes say about the past. */
export interface PruneHistory {
  /** There is no report of a prune. */
  readonly isEmpty: boolean;
  /** Names of backups that prunes have unlisted, by source, if the report names that. */
  readonly removed: ReadonlyMap<string, readonly string[]>;
  /** Those in reports that do not: of earlier releases. */
  readonly removedOfUnknown: readonly string[];
  /** From then on, a prune says which backups of each source it unlists. */
  readonly announcedSince: Date | undefined;
  /** When a prune last removed packs. */
  readonly lastFreedAt: Date | undefined;
  /** Bytes of all packs right after a prune, oldest first. */
  readonly sizes: readonly { readonly at: Date; readonly bytes: number }[];
}

/**
 * Reads reports of prunes since then. Ignores reports that cannot be trusted.
 *
 * @throws E_STORE_*
 */
export async function readPruneHistory(
  repository: Repository,
  {
    since,
    naming = AS_STORED,
    signal,
  }: { readonly since: Date; readonly naming?: Naming | undefined; readonly signal: AbortSignal },
): Promise<PruneHistory> {
  const found: Pruned[] = [];
  for await (const stored of repository.reports.readAll(['prune'], signal, since)) {
    const pruned = prunedOf(stored);
    if (pruned) found.push(pruned);
  }
  found.sort((a, b) => a.at.getTime() - b.at.getTime());
  const announced = found.flatMap(({ body }) => body.removed ?? []);
  const nameOf = await naming(new Set(announced.map(({ source }) => source.name)));
  const bySource = Map.groupBy(announced, ({ source }) => nameOf(source.name));
  const known = new Set(announced.flatMap(({ backups }) => backups.map(({ key }) => key)));
  return {
    isEmpty: found.length === 0,
    removed: new Map(
      [...bySource].map(([name, parts]) => [
        name,
        parts.flatMap(({ backups }) => backups.map(({ key }) => key)),
      ]),
    ),
    removedOfUnknown: [...new Set(found.flatMap(({ backups }) => backups))].filter((key) => !known.has(key)),
    announcedSince: found.find(({ body }) => body.removed !== undefined)?.at,
    lastFreedAt: found.findLast(({ body }) => body.bytes > 0)?.at,
    sizes: found.flatMap(({ at, body }) => (body.stored === undefined ? [] : [{ at, bytes: body.stored }])),
  };
}

interface Pruned {
  readonly at: Date;
  readonly backups: readonly string[];
  readonly body: Body<'prune'>;
}

function prunedOf(stored: StoredReport): Pruned | undefined {
  const { report, problem } = stored;
  if (!report || problem) return undefined;
  try {
    return { at: madeAt(stored), backups: report.backups, body: parseBody('prune', report) };
  } catch (error) {
    if (isDocumentProblem(error)) return undefined;
    throw error;
  }
}
