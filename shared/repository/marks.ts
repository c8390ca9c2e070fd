import type { HoldfastError } from '../core/errors.ts';
import { isDocumentProblem } from '../format/authenticated-json.ts';
import type { Report, ReportKind } from '../format/report.ts';
import { type Body, type BodyKind, parseBody } from '../format/report-bodies.ts';
import type { Reports, StoredReport } from './reports.ts';

interface At {
  /** When it was stored, by the store's clock. */
  readonly at: Date;
  /** The report that says so. */
  readonly report: string;
}

/** What the reports say of one backup; the newest of each. */
export interface BackupMarks {
  /** Missing where it was released since. */
  readonly hold?: At & { readonly reason: string };
  readonly accept?: At & { readonly reason: string };
  readonly verify?: At & { readonly depth: Body<'verify'>['depth']; readonly isWhole: boolean };
  readonly drill?: At & Body<'drill'>;
}

export interface Marks {
  of(backup: string): BackupMarks;
  /** Reports that could not be read, or were changed. They are not counted. */
  readonly problems: readonly HoldfastError[];
  /** Keys of those of them that may be holds. */
  readonly unreadHolds: readonly string[];
}

type MarkKind = Exclude<BodyKind, 'prune'>;
type Mutable = { -readonly [K in keyof BackupMarks]: BackupMarks[K] };

const APPLY: { readonly [K in MarkKind]: (marks: Mutable, at: At, body: Body<K>, backup: string) => void } = {
  hold: (marks, at, { reason }) => {
    marks.hold = { ...at, reason };
  },
  release: (marks) => {
    delete marks.hold;
  },
  accept: (marks, at, { reason }) => {
    marks.accept = { ...at, reason };
  },
  verify: (marks, at, { depth, damaged }, backup) => {
    marks.verify = { ...at, depth, isWhole: !damaged.includes(backup) };
  },
  drill: (marks, at, body) => {
    marks.drill = { ...at, ...body };
  },
};
const KINDS = Object.keys(APPLY) as readonly (MarkKind & ReportKind)[];

/**
 * What all reports together say of each backup. With a key only those that prove to be Holdfast's count; without one,
 * all that can be read.
 *
 * @throws E_STORE_*
 */
export async function readMarks(reports: Reports, signal: AbortSignal): Promise<Marks> {
  const marks = new Map<string, Mutable>();
  const problems: HoldfastError[] = [];
  const unreadHolds: string[] = [];
  const found = (await Promise.all(KINDS.map((kind) => Array.fromAsync(reports.read(kind, signal))))).flat();
  found.sort(
    (a, b) =>
      a.storedAt.getTime() - b.storedAt.getTime() || (a.report?.at ?? '').localeCompare(b.report?.at ?? ''),
  );
  for (const stored of found) {
    const problem = stored.problem ?? apply(marks, stored);
    if (!problem) continue;
    problems.push(problem);
    if (stored.key.startsWith('reports/hold/')) unreadHolds.push(stored.key);
  }
  return { of: (backup) => marks.get(backup) ?? {}, problems, unreadHolds };
}

function apply(
  marks: Map<string, Mutable>,
  { report, key, storedAt }: StoredReport,
): HoldfastError | undefined {
  if (!report) return undefined;
  try {
    applyTo(marks, report, report.kind as MarkKind, { at: storedAt, report: key });
    return undefined;
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    return error;
  }
}

function applyTo<K extends MarkKind>(marks: Map<string, Mutable>, report: Report, kind: K, at: At): void {
  const body = parseBody(kind, report);
  for (const backup of report.backups) {
    const of = marks.get(backup) ?? {};
    marks.set(backup, of);
    APPLY[kind](of, at, body, backup);
  }
}
