import type { BackupKey } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { SECOND_MS } from '../../core/units.ts';
import { type AuditRecord, writeAudit } from '../../jobs/access/audit.ts';
import { planRows, restoreRows } from '../../jobs/inside/restore-rows.ts';
import { rowFigures, rowsAsked, rowsPlanJson, stateAfterRows } from '../presenters/row-selection.ts';
import { withoutOptions } from '../presenters/without-options.ts';
import type { RowSelection } from '../schema/inside.ts';
import type { ApiRestorePlan, RestoreBody, RestoreRun, RunStarted, TargetState } from '../schema/runs.ts';
import { problemOf } from '../server/api-error.ts';
import type { Call } from '../server/backend.ts';
import type { Audit } from './looks.ts';
import type { LocalBackendOptions } from './options.ts';
import { type NamedPlace, placeNamed } from './places.ts';
import type { Work } from './work.ts';

/** Longest time to record how a run ended. */
const LATE_MS = 30 * SECOND_MS;

type Options = Pick<LocalBackendOptions, 'repository' | 'targets' | 'tracker' | 'env'>;
type Asked = Pick<RestoreBody, 'to' | 'dryRun'>;

/** Puts single rows of backups back into configured targets. */
export class RowsRestores {
  readonly #options: Options;
  readonly #audit: Audit;
  readonly #changing: (work: Work) => Work;

  /** @param changing makes work after which what is remembered of the repository is read again */
  constructor(
    options: Options,
    { audit, changing }: { readonly audit: Audit; readonly changing: (work: Work) => Work },
  ) {
    this.#options = options;
    this.#audit = audit;
    this.#changing = changing;
  }

  /** How the rows stand to those of the target; nothing is changed. @throws E_BAD_REQUEST, and as `planRows` */
  async plan(key: BackupKey, rows: RowSelection, { to, dryRun }: Asked, call: Call): Promise<ApiRestorePlan> {
    const { repository, targets, env } = this.#options;
    const place = placeNamed(targets, to, 'to');
    const { signal } = call;
    const plan = await withoutOptions(async () => {
      const asked = await rowsAsked(repository, key, rows, signal);
      return planRows(repository, key, { config: place, env }, { ...asked, signal });
    });
    const record = { action: 'restore-plan', target: place.name, backups: [key], details: detailsOf(rows) };
    if (dryRun) await this.#audit(call, record);
    return rowsPlanJson(plan);
  }

  /** Begins the restore; it is in the audit trail before that. @throws E_BAD_REQUEST, E_BUSY */
  async restore(key: BackupKey, rows: RowSelection, { to }: Asked, call: Call): Promise<RunStarted> {
    const { targets, tracker } = this.#options;
    const place = placeNamed(targets, to, 'to');
    const by = call.caller.name;
    const about = { by, backup: key, target: place.name };
    tracker.refuseBusy('restore', about);
    const record = { action: 'restore', target: place.name, backups: [key], details: detailsOf(rows) };
    await this.#audit(call, record);
    const work = this.#workOf({ key, rows, place, by, record });
    return { run: tracker.begin('restore', about, this.#changing(work)) };
  }

  #workOf({
    key,
    rows,
    place,
    by,
    record,
  }: {
    readonly key: BackupKey;
    readonly rows: RowSelection;
    readonly place: NamedPlace;
    readonly by: string;
    readonly record: Omit<AuditRecord, 'by' | 'outcome'>;
  }): Work {
    const { repository, env } = this.#options;
    return async ({ id, onRestore, signal }) => {
      // Also for a stopped run.
      const audit = (outcome: 'done' | 'failed', error?: string) =>
        writeAudit(repository, { ...record, by, outcome, run: id, error }, AbortSignal.timeout(LATE_MS));
      onRestore(describe(rows, place, null));
      try {
        const done = await withoutOptions(async () => {
          const asked = await rowsAsked(repository, key, rows, signal);
          return restoreRows(repository, key, { config: place, env }, { ...asked, signal });
        });
        await audit('done');
        return { backup: key, result: rowFigures(done) };
      } catch (error) {
        onRestore(describe(rows, place, stateAfterRows(rows, error)));
        await audit('failed', problemOf(error).problem.code).catch(() => {});
        throw error;
      }
    };
  }
}

/** What is known of the run; nothing can be done about it but to make another plan. */
function describe(
  { dataset, more = [] }: RowSelection,
  { name: to }: NamedPlace,
  state: TargetState | null,
): RestoreRun {
  const datasets = [dataset, ...more.map((other) => other.dataset)];
  return {
    to,
    newDatabase: null,
    datasets,
    mode: 'merge',
    options: null,
    moment: null,
    state,
    missing: [],
    ways: [],
  };
}

/** Conditions and keys may name people: they are kept in the part of the audit trail that only the key opens. */
function detailsOf(rows: RowSelection): JsonObject {
  return JSON.parse(JSON.stringify({ rows }));
}
