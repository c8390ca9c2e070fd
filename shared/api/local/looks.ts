import { hasRole } from '../../core/api-names.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { AuditRecord } from '../../jobs/access/audit.ts';
import type { RowsPageOptions } from '../../jobs/inside/rows-page.ts';
import { configuredName } from '../../jobs/source/naming.ts';
import { openSource } from '../../jobs/source/open-source.ts';
import { namingOf, sourceNames } from '../../jobs/source/source-names.ts';
import type { Source } from '../../sources/source.ts';
import { diffPage } from '../presenters/diff.ts';
import { notShown } from '../presenters/not-shown.ts';
import { rowHistoryPage } from '../presenters/row-history.ts';
import { rowsPage } from '../presenters/rows.ts';
import type {
  DiffAnswer,
  DiffQuery,
  RowHistoryAnswer,
  RowHistoryQuery,
  RowsAnswer,
  RowsQuery,
} from '../schema/inside.ts';
import { ApiError } from '../server/api-error.ts';
import type { Call } from '../server/backend.ts';
import { parseBackup } from '../server/parse-backup.ts';
import type { LocalBackendOptions } from './options.ts';
import type { NamedPlace } from './places.ts';

/** Records that somebody asked for something, before it begins. */
export type Audit = (call: Call, record: Omit<AuditRecord, 'by' | 'outcome'>) => Promise<string>;

type Options = Pick<LocalBackendOptions, 'repository' | 'sources' | 'env' | 'masks'>;
type Stored = { readonly name: string };

/**
 * Looks into backups, and into the databases that they are of. Each is in the audit trail before it begins. What was looked for may
 * name people: it is kept in the part of the entry that only the key opens.
 */
export class LocalLooks {
  readonly #options: Options;
  readonly #audit: Audit;

  constructor(options: Options, audit: Audit) {
    this.#options = options;
    this.#audit = audit;
  }

  async rows(key: BackupKey, query: RowsQuery, call: Call): Promise<RowsAnswer> {
    const { repository } = this.#options;
    const { source } = await repository.readManifest(key, call.signal);
    const maskOf = await this.#maskFor(source, call);
    await this.#audit(call, { action: 'look', backups: [key], details: detailsOf('rows', query) });
    return rowsPage(repository, key, query, { maskOf, signal: call.signal });
  }

  async diff(key: BackupKey, query: DiffQuery, call: Call): Promise<DiffAnswer> {
    const { repository } = this.#options;
    const { signal } = call;
    const backups = query.with === 'live' ? [key] : [key, parseBackup(query.with)];
    for (const backup of backups) await repository.readManifest(backup, signal);
    await this.#audit(call, { action: 'look', backups, details: detailsOf('diff', query) });
    return diffPage(repository, key, query, { liveOf: (stored) => this.#live(stored), signal });
  }

  async history(query: RowHistoryQuery & { readonly source: string }, call: Call): Promise<RowHistoryAnswer> {
    const { repository, sources, env } = this.#options;
    const { source } = query;
    await this.#audit(call, { action: 'look', source, backups: [], details: detailsOf('history', query) });
    return rowHistoryPage(repository, query, { naming: namingOf(sources, env), signal: call.signal });
  }

  /** The source of a backup as it is now. @throws E_BAD_REQUEST if it is not configured, E_CONFIG */
  async #live(stored: Stored): Promise<Source> {
    const place = await this.#placeOf(stored);
    if (place) return openSource(place, this.#options.env);
    const problem = `the backup is of ${stored.name}, which is not in the configuration`;
    throw new ApiError('E_BAD_REQUEST', `with: ${problem}`, {
      fields: [{ field: 'with', problem }],
      hint: 'Compare it with another backup, or add the source to the configuration.',
    });
  }

  /** What a caller sees instead of rows; undefined: the rows. @throws E_FORBIDDEN if the source has no masks */
  async #maskFor(stored: Stored, { caller, signal }: Call): Promise<RowsPageOptions['maskOf']> {
    if (hasRole(caller.roles, 'restorer')) return undefined;
    const place = await this.#placeOf(stored);
    const mask = place && this.#options.masks?.(place.name);
    if (!mask) throw notShown();
    return (contents, dataset) => mask(contents, dataset, signal);
  }

  async #placeOf(stored: Stored): Promise<NamedPlace | undefined> {
    const { sources, env } = this.#options;
    const name = configuredName(await sourceNames(sources, env), stored.name);
    return sources.find((source) => source.name === name);
  }
}

function detailsOf(what: string, query: object): JsonObject {
  return JSON.parse(JSON.stringify({ what, ...query }));
}
