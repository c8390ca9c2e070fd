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

type Depth = Body<'verify'>['depth'];

/** What the reports say of one backup; the newest of each. */
export interface BackupMarks {
  /** Missing where it was released since. */
  readonly hold?: At & { readonly reason: string };
  readonly accept?: At & { readonly reason: string };
  /** `isWhole` is false too where an earlier one found damage that this one did not look for. */
  readonly verify?: At & { readonly depth: Depth; readonly isWhole: boolean };
  /** The newest that read every byte. */
  readonly fullVerify?: At;
  readonly drill?: At & Body<'drill'>;
}

export interface Marks {
  of(backup: string): BackupMarks;
  /** Reports that could not be read, or were changed. They are not counted. */
  readonly problems: readonly HoldfastError[];
  /** Keys of those of them that may be holds. */
  readonly unreadHolds: readonly string[];
  /** Those of them that may say that some backup is damaged. */
  readonly unreadVerifies: readonly At[];
}

type MarkKind = Exclude<BodyKind, 'prune' | 'audit'>;
type Mutable = { -readonly [K in keyof BackupMarks]: BackupMarks[K] };

interface State {
  readonly marks: Mutable;
  /** How verifications looked that found damage, and that no later one has looked for in vain. */
  damagedAt: readonly Depth[];
}

const APPLY: { readonly [K in MarkKind]: (state: State, at: At, body: Body<K>, backup: string) => void } = {
  hold: ({ marks }, at, { reason }) => {
    marks.hold = { ...at, reason };
  },
  release: ({ marks }) => {
    delete marks.hold;
  },
  accept: ({ marks }, at, { reason }) => {
    marks.accept = { ...at, reason };
  },
  verify: (state, at, { depth, damaged }, backup) => {
    const earlier = state.damagedAt.filter((found) => !covers(depth, found));
    state.damagedAt = damaged.includes(backup) ? [...earlier, depth] : earlier;
    state.marks.verify = { ...at, depth, isWhole: state.damagedAt.length === 0 };
    if (depth.kind === 'full') state.marks.fullVerify = at;
  },
  drill: ({ marks }, at, body) => {
    marks.drill = { ...at, ...body };
  },
};

/** Whether a verification looks for all that another one can find. */
function covers(depth: Depth, other: Depth): boolean {
  if (depth.kind === 'full') return true;
  return depth.kind === other.kind && depth.part === other.part && depth.of === other.of;
}
const KINDS = Object.keys(APPLY) as readonly (MarkKind & ReportKind)[];

/**
 * What all reports together say of each backup. With a key only those that prove to be Holdfast's count; without one,
 * all that can be read.
 *
 * @param since only reports of then or later: enough for backups that were made since, as no report comes before its backup
 * @throws E_STORE_*
 */
export async function readMarks(reports: Reports, signal: AbortSignal, since?: Date): Promise<Marks> {
  const states = new Map<string, State>();
  const problems: HoldfastError[] = [];
  const unreadHolds: string[] = [];
  const unreadVerifies: At[] = [];
  const found = await Array.fromAsync(reports.readAll(KINDS, signal, since));
  found.sort(
    (a, b) =>
      a.storedAt.getTime() - b.storedAt.getTime() || (a.report?.at ?? '').localeCompare(b.report?.at ?? ''),
  );
  for (const stored of found) {
    const problem = stored.problem ?? apply(states, stored);
    if (!problem) continue;
    problems.push(problem);
    const { key, storedAt } = stored;
    if (key.startsWith('reports/hold/')) unreadHolds.push(key);
    if (key.startsWith('reports/verify/')) unreadVerifies.push({ at: storedAt, report: key });
  }
  return { of: (backup) => states.get(backup)?.marks ?? {}, problems, unreadHolds, unreadVerifies };
}

function apply(
  states: Map<string, State>,
  { report, key, storedAt }: StoredReport,
): HoldfastError | undefined {
  if (!report) return undefined;
  try {
    applyTo(states, report, report.kind as MarkKind, { at: storedAt, report: key });
    return undefined;
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    return error;
  }
}

function applyTo<K extends MarkKind>(states: Map<string, State>, report: Report, kind: K, at: At): void {
  const body = parseBody(kind, report);
  for (const backup of report.backups) {
    const of = states.get(backup) ?? { marks: {}, damagedAt: [] };
    states.set(backup, of);
    APPLY[kind](of, at, body, backup);
  }
}
