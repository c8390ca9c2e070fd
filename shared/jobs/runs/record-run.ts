import { randomBytes } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import type { RunAbout, RunEnd } from '../../format/history.ts';
import { beginNotedRun, noteRunEnd } from '../../repository/documents/run-history.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupResult } from '../backup/backup.ts';
import type { DrillResult } from '../drill/drill-result.ts';
import type { VerifyReport } from '../verify/verify.ts';

export type { RunAbout };

/** How a run with a result ended. */
export type RunResultNote = Partial<Omit<RunEnd, 'at'>>;

/** What is kept of a run, and who is told if it cannot be. */
export interface RecordOptions<T> {
  /** 32 hex digits. @default any */
  readonly run?: string;
  readonly about: Pick<RunAbout, 'kind'> & Partial<RunAbout>;
  /** What to record of its result. @default that it succeeded */
  readonly noteOf?: (result: T) => RunResultNote;
  /** Receives the reason why the history lacks the run. */
  readonly onProblem: (message: string) => void;
}

const NOTHING = { source: null, type: null, backup: null, target: null, by: null };
const UNKNOWN = { code: null, backup: null, plainBytes: null, storedBytes: null, records: null };

/**
 * Does work and records in the repository's history that it began, and how it ended. Fails only as the work
 * does.
 */
export async function recordRun<T>(
  repository: Repository,
  work: () => Promise<T>,
  { run = randomBytes(16).toString('hex'), about, noteOf = () => ({}), onProblem }: RecordOptions<T>,
): Promise<T> {
  const { clock } = repository;
  const startedAt = clock.now();
  const noted = await beginNotedRun(repository, { ...NOTHING, ...about }, { run, startedAt, onProblem });
  const end = (note: RunResultNote) =>
    noted.end({ outcome: 'succeeded', ...UNKNOWN, ...note, at: clock.now().toISOString() });
  try {
    const result = await work();
    await end(noteOf(result));
    return result;
  } catch (error) {
    await end(noteOfError(error));
    throw error;
  }
}

/** Records how a run ended whose beginning nobody recorded. Never throws. */
export async function noteEnd(
  repository: Repository,
  about: Pick<RunAbout, 'kind'> & Partial<RunAbout>,
  options: RunResultNote & {
    readonly run: string;
    /** @default now */
    readonly startedAt?: Date | undefined;
    readonly onProblem: (message: string) => void;
  },
): Promise<void> {
  const { clock } = repository;
  const { run, startedAt = clock.now(), onProblem, ...note } = options;
  const ended = { outcome: 'succeeded', ...UNKNOWN, ...note, at: clock.now().toISOString() } as const;
  await noteRunEnd(repository, { ...NOTHING, ...about }, { run, startedAt, ended, onProblem });
}

/** For a listed backup. */
export function noteOfBackup({
  key,
  plainBytes,
  storedBytes,
  records,
  suspect,
}: Pick<BackupResult, 'key' | 'plainBytes' | 'storedBytes' | 'records' | 'suspect'>): RunResultNote {
  return { outcome: suspect ? 'suspect' : 'succeeded', backup: key, plainBytes, storedBytes, records };
}

/** For a drill, however it ended. */
export function noteOfDrill({
  key,
  outcome,
  plainBytes,
  records,
  error,
}: Pick<DrillResult, 'key' | 'outcome' | 'plainBytes' | 'records' | 'error'>): RunResultNote {
  const code = error?.code ?? (outcome === 'different' ? 'E_RESTORE_DIFFERS' : null);
  return { outcome: outcome === 'equal' ? 'succeeded' : 'failed', code, backup: key, plainBytes, records };
}

/** What is kept of a verification. */
export function noteOfVerify({
  findings,
  interrupted,
  records,
  readBytes,
}: Pick<VerifyReport, 'findings' | 'interrupted' | 'records' | 'readBytes'>): RunResultNote {
  const code = findings.length > 0 ? 'E_VERIFY_FAILED' : (interrupted?.code ?? null);
  return { outcome: code === null ? 'succeeded' : 'failed', code, plainBytes: readBytes, records };
}

/** Only codes: an error's message may name tables, and notes are in the clear. */
export function noteOfError(error: unknown): RunResultNote {
  const code = error instanceof HoldfastError ? error.code : 'E_INTERNAL';
  return { outcome: code === 'E_ABORTED' ? 'stopped' : 'failed', code };
}
