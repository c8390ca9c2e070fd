import type { RetentionPolicy } from '../../../shared/config/retention.ts';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { DAY_MS, HOUR_MS } from '../../../shared/core/units.ts';
import { DEFAULT_CHUNKER } from '../../../shared/format/repository-file.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { runDrill } from '../../../shared/jobs/drill/drill.ts';
import { acceptBackups } from '../../../shared/jobs/retention/accept.ts';
import { holdBackup } from '../../../shared/jobs/retention/hold.ts';
import { noteOfBackup, noteOfDrill, noteOfVerify, recordRun } from '../../../shared/jobs/runs/record-run.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { keepVerifyReport } from '../../../shared/jobs/verify/verify-report.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import type { ScratchServer } from '../../../shared/sources/scratch.ts';
import type { Source } from '../../../shared/sources/source.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { initRepository, never, openCheaply } from '../repository/engine.ts';
import { ManualClock, prune } from '../repository/pruning.ts';
import { type Recording, recordSource, replayOf } from '../stores/replay.ts';
import { saveTo } from '../stores/save-store.ts';

/** What a calendar of a year shows on any weekday. */
const DAYS = 52 * 7;
const SUNDAY = 0;
/** Nobody made a backup then, so many days ago. */
export const MISSED: ReadonlySet<number> = new Set([41, 40, 12]);
/** The database could not be reached; on the first of these days it was tried again, and went well. */
const FAILED: ReadonlySet<number> = new Set([75, 20]);
/** Somebody had emptied the largest table, and put it back; the backup was accepted the same day. */
const SUSPECT = 33;
const HELD_WEEK = 21;

export interface YearOptions {
  readonly now: Date;
  /** For so many days there is a backup a day; before that one a week. */
  readonly dailyDays: number;
  /** Rows that each table had at these moments: no row may refer to one that came later. */
  readonly rowsThen: (moments: readonly Date[]) => Promise<readonly Readonly<Record<string, number>>[]>;
  /** Where drills restore to: each is a real one. */
  readonly scratch: ScratchServer;
  /** Prunes by it every second week. @default none */
  readonly retention?: RetentionPolicy;
  /** A suspect backup waits to be accepted. @default false */
  readonly isSuspect?: boolean;
}

/**
 * A repository in a folder with a year of a source's backups: one each Sunday, and one a day of the last days, the last of the
 * day before `now`; with what happens in a year. The source is read once: earlier backups hold the rows that it had then.
 *
 * @returns the keys, oldest first; those too that retention has removed since
 */
export async function makeYear(
  folder: string,
  source: Source,
  options: YearOptions,
): Promise<readonly BackupKey[]> {
  const { now } = options;
  const clock = new ManualClock(now.toISOString());
  const store = new MemoryStore(clock);
  const recording = await recordSource(source);
  clock.set(new Date(now.getTime() - (DAYS + 1) * DAY_MS));
  await initRepository(store, DEFAULT_CHUNKER);
  const repository = await openCheaply(store, { clock });
  const lastNight = Math.floor((now.getTime() - 3 * HOUR_MS) / DAY_MS) * DAY_MS + 2 * HOUR_MS;
  const nights = Array.from({ length: DAYS }, (_, i) => new Date(lastNight - (DAYS - 1 - i) * DAY_MS));
  const rows = await options.rowsThen(nights);
  const year = new Year({ repository, clock, recording }, options);
  for (const [i, at] of nights.entries()) await year.night(at, DAYS - 1 - i, rows[i] ?? {});
  await repository[Symbol.asyncDispose]();
  await saveTo(folder, store);
  return year.keys;
}

interface YearWorld {
  readonly repository: Repository;
  readonly clock: ManualClock;
  readonly recording: Recording;
}

class Year {
  readonly keys: BackupKey[] = [];
  readonly #world: YearWorld;
  readonly #options: YearOptions;

  constructor(world: YearWorld, options: YearOptions) {
    this.#world = world;
    this.#options = options;
  }

  async night(at: Date, ago: number, rows: Readonly<Record<string, number>>): Promise<void> {
    const { dailyDays } = this.#options;
    const { clock } = this.#world;
    const isSunday = at.getUTCDay() === SUNDAY;
    const types = [...(ago < dailyDays ? ['daily'] : []), ...(isSunday ? ['weekly'] : [])];
    if (MISSED.has(ago) || types.length === 0) return;
    clock.set(at);
    if (FAILED.has(ago)) {
      await this.#fail(types[0] ?? 'daily');
      if (ago !== Math.max(...FAILED)) return;
      clock.advance(HOUR_MS / 4);
    }
    for (const type of types) {
      if (type === 'weekly') clock.advance(HOUR_MS / 2);
      await this.#backUp(type, this.#isEmptied(ago) ? { ...rows, 'public.visits': 0 } : rows);
    }
    clock.advance(HOUR_MS / 4);
    await this.#lookAfter(ago, isSunday ? Math.floor(ago / 7) : undefined);
  }

  #isEmptied(ago: number): boolean {
    return ago === SUSPECT || (ago === 0 && this.#options.isSuspect === true);
  }

  async #backUp(type: string, rows: Readonly<Record<string, number>>): Promise<void> {
    const { repository, recording } = this.#world;
    const replay = replayOf(recording, (dataset) => rows[dataset]);
    const work = () => runBackup(repository, replay, { type, signal: never });
    const about = { kind: 'backup', source: replay.name, type } as const;
    const { key } = await recordRun(repository, work, { about, noteOf: noteOfBackup, onProblem });
    this.keys.push(key);
  }

  async #fail(type: string): Promise<void> {
    const { repository, recording } = this.#world;
    const open = async () => {
      throw new HoldfastError('E_SOURCE_UNREACHABLE', 'the database does not answer');
    };
    const work = () => runBackup(repository, { ...recording.source, open }, { type, signal: never });
    const about = { kind: 'backup', source: recording.source.name, type } as const;
    await recordRun(repository, work, { about, onProblem }).catch(() => {});
  }

  /** What is done with a backup besides. */
  async #lookAfter(ago: number, week: number | undefined): Promise<void> {
    const { repository } = this.#world;
    const { retention } = this.#options;
    const key = this.keys.at(-1) as BackupKey;
    const decide = { signal: never, by: 'ana' };
    if (ago === SUSPECT)
      await acceptBackups(repository, [key], { ...decide, reason: 'visits were emptied by hand' });
    if (ago === 1 || (week ?? 1) % 4 === 0) await this.#verify(key);
    if (ago === 5 || (week ?? 0) % 13 === 12) await this.#drill(key);
    if (week === HELD_WEEK)
      await holdBackup(repository, key, { ...decide, reason: 'before the move to new prices' });
    if (retention && (week ?? 1) % 2 === 0) await prune(repository, retention);
  }

  async #verify(key: BackupKey): Promise<void> {
    const { repository } = this.#world;
    const work = async () => {
      const report = await verifyBackups(repository, [key], { depth: { kind: 'full' }, signal: never });
      await keepVerifyReport(repository, report, never);
      return report;
    };
    const about = { kind: 'verify', backup: key } as const;
    await recordRun(repository, work, { about, noteOf: noteOfVerify, onProblem });
  }

  async #drill(key: BackupKey): Promise<void> {
    const { repository, recording } = this.#world;
    const work = () => runDrill(repository, key, this.#options.scratch, { signal: never });
    const about = { kind: 'drill', source: recording.source.name, backup: key } as const;
    const { outcome, error } = await recordRun(repository, work, { about, noteOf: noteOfDrill, onProblem });
    if (outcome !== 'equal') throw error ?? new Error(`a drill of ${key} ended '${outcome}'`);
  }
}

function onProblem(message: string): void {
  throw new Error(message);
}
