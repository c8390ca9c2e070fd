import { throwIfAborted } from '../../core/abort.ts';
import { isHoldfastError } from '../../core/errors.ts';
import { withColumnsLike } from '../column-order.ts';
import type { StoredDataset } from '../contents.ts';
import type {
  OpenOptions,
  SharedView,
  Source,
  SourceCapabilities,
  SourceView,
  ViewSharing,
} from '../source.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from './connection/options.ts';
import { isTableAttributes } from './datasets/attributes.ts';
import { takeInventory } from './datasets/datasets.ts';
import { listOmitted } from './datasets/omitted.ts';
import { findHiddenCatalogs } from './roles/roles-readable.ts';
import { decodeHandle } from './snapshot/handle.ts';
import { Snapshot } from './snapshot/snapshot.ts';
import { PostgresView } from './snapshot/source-view.ts';

/** @throws E_CONFIG listing every problem */
export function openPostgresSource(url: string, options: AdapterOptions, env: Environment): PostgresSource {
  return new PostgresSource(parsePostgresOptions(url, options, env));
}

/** How often a backup begins again because a table was dropped while it began. */
const ATTEMPTS = 3;

/** A PostgreSQL database, read as at one moment through an exported snapshot. */
export class PostgresSource implements Source, ViewSharing {
  readonly kind = 'postgres';
  readonly name: string;
  readonly capabilities: SourceCapabilities;
  readonly sharing: ViewSharing = this;
  readonly #options: PostgresOptions;
  readonly #pagesPerPartition: number;
  readonly #like: readonly StoredDataset[] | undefined;

  /**
   * @param settings.pagesPerPartition pages of the server's block size; part of what makes partitions stable
   * @param settings.like only tables of these names are looked at, and those of the same columns are read in their order
   */
  constructor(
    options: PostgresOptions,
    {
      pagesPerPartition = options.pagesPerPartition,
      like,
    }: { readonly pagesPerPartition?: number; readonly like?: readonly StoredDataset[] | undefined } = {},
  ) {
    this.#options = options;
    this.#pagesPerPartition = pagesPerPartition;
    this.#like = like;
    this.name = postgresName(options);
    this.capabilities = { consistency: 'atomic', maxReaders: options.readers, joinsChanges: true };
  }

  /** The view of a snapshot that another process holds open. */
  async join(shared: SharedView, signal: AbortSignal): Promise<SourceView> {
    throwIfAborted(signal);
    const { id, version, ...contents } = decodeHandle(shared.handle);
    const { server, position, datasets, omitted } = shared;
    const snapshot = {
      id,
      version,
      server,
      position,
      // Readers have snapshots of their own as soon as they have joined; the locks are the holder's.
      check: async (stopping: AbortSignal) => throwIfAborted(stopping),
      checkEnums: async () => {},
      [Symbol.asyncDispose]: async () => {},
    };
    return new PostgresView(this.#options, snapshot, { ...contents, datasets, omitted });
  }

  async open(signal: AbortSignal, options: OpenOptions = {}): Promise<SourceView> {
    const from = await this.#startJoin(signal, options);
    for (let attempt = 1; ; attempt++) {
      const snapshot = await Snapshot.take(this.#options, signal);
      try {
        const join =
          from === undefined ? undefined : await (await bases()).finishJoin(snapshot.client, from, signal);
        const { rolePasswords } = this.#options;
        // Asked for their passwords, a login that may not read them is refused.
        const hiddenCatalogs = rolePasswords ? [] : await findHiddenCatalogs(snapshot.client, signal);
        const inventory = await takeInventory(
          snapshot,
          {
            pagesPerPartition: this.#pagesPerPartition,
            only: this.#like?.map(({ name }) => name),
            withoutRoles: hiddenCatalogs.length > 0,
          },
          signal,
        );
        const omitted = await listOmitted(snapshot, { rolePasswords, hiddenCatalogs }, signal);
        const { datasets, tables, sequences } = inventory;
        return new PostgresView(this.#options, snapshot, {
          datasets: withColumnsLike(datasets, this.#like ?? [], isTableAttributes),
          sequences,
          tableIds: new Map([...tables].map(([name, { oid }]) => [name, oid])),
          omitted,
          pagesPerPartition: this.#pagesPerPartition,
          isPart: this.#like !== undefined,
          join,
        });
      } catch (error) {
        await snapshot[Symbol.asyncDispose]();
        if (attempt === ATTEMPTS || !isHoldfastError(error, 'E_SOURCE_CHANGED')) throw error;
      }
    }
  }

  /** @returns where the log stands now, if stored changes are to be applied to the backup */
  async #startJoin(
    signal: AbortSignal,
    { isBase = false, onWarning }: OpenOptions,
  ): Promise<string | undefined> {
    if (!isBase) return undefined;
    const start = await (await bases()).startJoin(this.#options, signal);
    if ('from' in start) return start.from;
    onWarning?.(start.problem);
    return undefined;
  }
}

/** For bases of continuous backup alone. */
const bases = () => import('./changes/base-join.ts');
