import type { HoldfastError } from '../../core/errors.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { Report, ReportKind } from '../../format/report.ts';
import { type Body, type BodyKind, parseBody } from '../../format/report-bodies.ts';
import { isAfter, madeAt, type ReportDates, type Reports } from './reports.ts';
import type { StoredReport } from './stored-report.ts';

interface At {
  /** When it was made, by its writer's clock or the store's, whichever is earlier. */
  readonly at: Date;
  /** The report that says so. */
  readonly report: string;
}

type Depth = Body<'verify'>['depth'];

/** What reports say about one backup; the newest of each kind. */
export interface BackupMarks {
  /** The newest hold that has not been released. */
  readonly hold?: At & { readonly reason: string };
  readonly accept?: At & { readonly reason: string };
  /** `isWhole` is also false if an earlier verification found damage that this one did not look for. */
  readonly verify?: At & { readonly depth: Depth; readonly isWhole: boolean };
  /** The newest that read every byte; if several read it in parts, the oldest of those. */
  readonly fullVerify?: At;
  readonly drill?: At & Body<'drill'>;
  /** Whether it is the backup before it and the changes stored between them. */
  readonly proof?: At & Body<'proof'>;
}

/** What reports say of backups. */
export interface Marks {
  of(backup: string): BackupMarks;
  /** Reports of all holds of a backup that have not been released. */
  holdsOf(backup: string): readonly string[];
  /** Reports that could not be read, or were changed. They do not count. */
  readonly problems: readonly HoldfastError[];
  /** Paths of those that may be holds. */
  readonly unreadHolds: readonly string[];
  /** Those that may report damage in some backup. */
  readonly unreadVerifies: readonly At[];
}

const KINDS = [
  'hold',
  'release',
  'accept',
  'verify',
  'drill',
  'proof',
] as const satisfies readonly (BodyKind & ReportKind)[];
type MarkKind = (typeof KINDS)[number];

/** What a report says about a backup. */
interface Said<K extends MarkKind> extends At {
  /** Only the dates: thousands of whole reports would take memory. */
  readonly stored: ReportDates;
  readonly body: Body<K>;
}

/** Everything that reports say about one backup, in no order. */
type AllSaid = { readonly [K in MarkKind]: Said<K>[] };

/**
 * What all reports together say about each backup. With a key, only reports that prove to be Holdfast's
 * count; without one, all that can be read. The order in which the store returns them does not matter.
 *
 * @param since only reports from then on: enough for backups made since, as no report comes before its backup
 * @throws E_STORE_*
 */
export async function readMarks(reports: Reports, signal: AbortSignal, since?: Date): Promise<Marks> {
  const said = new Map<string, AllSaid>();
  const problems: HoldfastError[] = [];
  const unreadHolds: string[] = [];
  const unreadVerifies: At[] = [];
  const unread: { readonly stored: StoredReport; readonly problem: HoldfastError }[] = [];
  for await (const stored of reports.readAll(KINDS, signal, since)) {
    const problem = stored.problem ?? note(said, stored);
    if (problem) unread.push({ stored, problem });
  }
  for (const { stored, problem } of await withoutPutAside(reports, unread, signal)) {
    problems.push(problem);
    const { key, storedAt } = stored;
    if (key.startsWith('reports/hold/')) unreadHolds.push(key);
    if (key.startsWith('reports/verify/')) unreadVerifies.push({ at: storedAt, report: key });
  }
  const marks = new Map([...said].map(([backup, all]) => [backup, marksOf(backup, all)]));
  return {
    of: (backup) => marks.get(backup) ?? {},
    holdsOf: (backup) => standing(said.get(backup)).map(({ report }) => report),
    problems,
    unreadHolds,
    unreadVerifies,
  };
}

/** Without those that somebody has put aside. */
async function withoutPutAside<T extends { readonly stored: StoredReport }>(
  reports: Reports,
  unread: readonly T[],
  signal: AbortSignal,
): Promise<readonly T[]> {
  if (unread.length === 0) return unread;
  const quarantine = await reports.quarantine(signal);
  const left: T[] = [];
  for (const one of unread)
    if ((await quarantine.reasonOf(one.stored.key, signal)) === undefined) left.push(one);
  return left;
}

function note(said: Map<string, AllSaid>, stored: StoredReport): HoldfastError | undefined {
  const { report } = stored;
  if (!report) return undefined;
  try {
    noteOf(said, report.kind as MarkKind, report, stored);
    return undefined;
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    return error;
  }
}

function noteOf<K extends MarkKind>(
  said: Map<string, AllSaid>,
  kind: K,
  report: Report,
  stored: StoredReport,
): void {
  const body = parseBody(kind, report);
  // A proof says nothing about the backup that it begins with.
  for (const backup of kind === 'proof' ? report.backups.slice(0, 1) : report.backups) {
    const all = said.get(backup) ?? { hold: [], release: [], accept: [], verify: [], drill: [], proof: [] };
    said.set(backup, all);
    all[kind].push({
      at: madeAt(stored),
      report: report.key,
      stored: { report: { at: report.at }, storedAt: stored.storedAt },
      body,
    });
  }
}

function marksOf(backup: string, all: AllSaid): BackupMarks {
  const { accept, verify, drill, proof } = all;
  const [held, accepted] = [newest(standing(all)), newest(accept)];
  const [drilled, proven] = [newest(drill), newest(proof)];
  const full = newest([...verify.filter(({ body }) => body.depth.kind === 'full'), ...wholes(verify)]);
  return {
    ...(held && { hold: { ...dated(held), reason: held.body.reason } }),
    ...(accepted && { accept: { ...dated(accepted), reason: accepted.body.reason } }),
    ...verified(backup, verify),
    ...(full && { fullVerify: dated(full) }),
    ...(drilled && { drill: { ...dated(drilled), ...drilled.body } }),
    ...(proven && { proof: { ...dated(proven), ...proven.body } }),
  };
}

function dated({ at, report }: At): At {
  return { at, report };
}

/** The last one by date; for the same moment, by name. */
function newest<K extends MarkKind>(said: readonly Said<K>[]): Said<K> | undefined {
  return said.reduce<Said<K> | undefined>((last, one) => {
    if (!last || one.at > last.at) return one;
    return one.at < last.at || one.report < last.report ? last : one;
  }, undefined);
}

/** The holds that have not been released. */
function standing(all: AllSaid | undefined): readonly Said<'hold'>[] {
  return all?.hold.filter((one) => !all.release.some((other) => ends(other, one))) ?? [];
}

/** A release names the holds that it ends. An older one named none, and ends all holds before it. */
function ends(release: Said<'release'>, hold: Said<'hold'>): boolean {
  return release.body.ends?.includes(hold.report) ?? isAfter(release.stored, hold.stored);
}

function verified(backup: string, verify: readonly Said<'verify'>[]): Pick<BackupMarks, 'verify'> {
  const last = newest(verify);
  if (!last) return {};
  const isDamage = ({ body }: Said<'verify'>) => body.damaged.includes(backup);
  const clean = verify.filter((one) => !isDamage(one));
  const found = verify.filter(
    (damage) =>
      isDamage(damage) &&
      !isCleared(
        damage,
        clean.filter((one) => isAfter(one.stored, damage.stored)),
      ),
  );
  return { verify: { ...dated(last), depth: last.body.depth, isWhole: found.length === 0 } };
}

/** @param after later clean verifications */
function isCleared(damage: Said<'verify'>, after: readonly Said<'verify'>[]): boolean {
  return after.some(({ body }) => covers(body.depth, damage.body.depth)) || wholes(after).length > 0;
}

/** For each count whose parts were all read, the part that was read longest ago. */
function wholes(verify: readonly Said<'verify'>[]): Said<'verify'>[] {
  const subsets = verify.filter(({ body }) => body.depth.kind === 'subset');
  return [...Map.groupBy(subsets, ({ body }) => body.depth.of ?? 0)].flatMap(([of, some]) => {
    const parts = [...Map.groupBy(some, ({ body }) => body.depth.part).values()].flatMap(
      (reports) => newest(reports) ?? [],
    );
    const [oldest] = parts.toSorted((a, b) => a.at.getTime() - b.at.getTime());
    return oldest && parts.length >= of ? [oldest] : [];
  });
}

/** Whether a verification looks for everything that another one can find. */
function covers(depth: Depth, other: Depth): boolean {
  if (depth.kind === 'full') return true;
  return depth.kind === other.kind && depth.part === other.part && depth.of === other.of;
}
