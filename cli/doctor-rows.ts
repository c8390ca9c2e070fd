import { countOutcomes } from '../shared/jobs/doctor/doctor.ts';
import type { DoctorOutcome, DoctorRow } from '../shared/jobs/doctor/row.ts';
import { wrap } from './format.ts';

const OUTCOMES: Readonly<Record<DoctorOutcome, string>> = {
  ok: 'ok',
  warning: 'WARNING',
  failed: 'FAILED',
  'not-tried': 'not tried',
};
const OUTCOME_WIDTH = 11;
const NAME_WIDTH = 17;
/** If less is left for words, they get a line of their own. */
const LEAST_WIDTH = 36;
const INDENT = 4;

/** One row for people, in lines of at most this many characters. */
export function describeRow({ outcome, name, seen, fix }: DoctorRow, columns: number): string {
  const head = `${OUTCOMES[outcome].padEnd(OUTCOME_WIDTH)}${name.padEnd(NAME_WIDTH)} `;
  const said = fix === null ? [seen] : [seen, `fix: ${fix}`];
  const isNarrow = columns - head.length < LEAST_WIDTH;
  const indent = ' '.repeat(isNarrow ? INDENT : head.length);
  const lines = said.flatMap((text) => wrap(text, Math.max(columns - indent.length, 1)));
  const body = lines.map((line) => `${indent}${line}\n`).join('');
  return isNarrow ? `${head.trimEnd()}\n${body}` : head + body.slice(indent.length);
}

/** Rows of a deployment's functions. Those that are fine are folded into one per function. */
export class FoldedRows {
  readonly #jobs: ReadonlySet<string>;
  #job: string | undefined;
  #well = 0;
  #all = 0;

  constructor(jobs: readonly string[]) {
    this.#jobs = new Set(jobs);
  }

  /** The rows to show once this one has arrived. */
  add(row: DoctorRow): DoctorRow[] {
    const [first = ''] = row.name.split('/');
    const job = this.#jobs.has(first) ? first : undefined;
    const before = job === this.#job ? [] : this.end();
    this.#job = job;
    if (job === undefined) return [...before, row];
    this.#all++;
    if (row.outcome !== 'ok') return [...before, row];
    this.#well++;
    return before;
  }

  /** The rows to show when no more come. */
  end(): DoctorRow[] {
    const [name, well, all] = [this.#job, this.#well, this.#all];
    this.#job = undefined;
    this.#well = 0;
    this.#all = 0;
    if (name === undefined || well === 0) return [];
    const seen = `${well === all ? '' : `${well} of `}${all} checks`;
    return [{ name, outcome: 'ok', seen, fix: null, code: null }];
  }
}

/** `12 ok, 1 warning, 1 failed, 3 not tried.` */
export function sumUp(rows: readonly DoctorRow[]): string {
  const { ok, warning, failed, 'not-tried': open } = countOutcomes(rows);
  const parts = [
    `${ok} ok`,
    ...(warning > 0 ? [`${warning} ${warning === 1 ? 'warning' : 'warnings'}`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(open > 0 ? [`${open} not tried`] : []),
  ];
  return `${parts.join(', ')}.\n`;
}

/** The document of `--json`. */
export function doctorDocument(rows: readonly DoctorRow[]) {
  const { ok, warning, failed, 'not-tried': notTried } = countOutcomes(rows);
  const failure = rows.find(({ outcome }) => outcome === 'failed')?.code ?? null;
  return { checks: rows, ok, warnings: warning, failed, notTried, failure };
}
