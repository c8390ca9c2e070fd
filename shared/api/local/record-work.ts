import { type RunResultNote, recordRun } from '../../jobs/runs/record-run.ts';
import type { Repository } from '../../repository/repository.ts';
import type { RecordWork, RunResult } from './run-tracker.ts';

const NOTHING = { by: null, source: null, type: null, backup: null, target: null };

/** Records runs in the repository's history. @param onProblem receives the reason if that fails */
export function recordIn(repository: Repository, onProblem: (message: string) => void): RecordWork {
  return ({ id: run, asked, ...given }, work) => {
    const about = { ...NOTHING, ...given, ...(asked ? { asked } : {}) };
    return recordRun(repository, work, { run, about, noteOf, onProblem });
  };
}

function noteOf({ backup, result, failure }: RunResult): RunResultNote {
  const figure = (name: string) => figureOf(result[name]);
  return {
    outcome: failure ? 'failed' : result['suspect'] === true ? 'suspect' : 'succeeded',
    code: failure?.code ?? null,
    backup: backup ?? null,
    plainBytes: figure('plainBytes') ?? figure('readBytes'),
    storedBytes: figure('storedBytes'),
    records: figure('records'),
  };
}

function figureOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
