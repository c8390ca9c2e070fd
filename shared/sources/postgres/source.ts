import { isHoldfastError } from '../../core/errors.ts';
import type { Source, SourceCapabilities, SourceView } from '../source.ts';
import { takeInventory } from './datasets.ts';
import { listOmitted } from './datasets-omitted.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from './options.ts';
import { PAGES_PER_PARTITION } from './partitions.ts';
import { Snapshot } from './snapshot.ts';
import { PostgresView } from './source-view.ts';

/** @throws E_CONFIG listing every problem */
export function openPostgresSource(url: string, options: AdapterOptions, env: Environment): PostgresSource {
  return new PostgresSource(parsePostgresOptions(url, options, env));
}

/** How often a backup begins again because a table was dropped while it began. */
const ATTEMPTS = 3;

/** A PostgreSQL database, read as at one moment through an exported snapshot. */
export class PostgresSource implements Source {
  readonly kind = 'postgres';
  readonly name: string;
  readonly capabilities: SourceCapabilities;
  readonly #options: PostgresOptions;
  readonly #pagesPerPartition: number;

  /** @param settings.pagesPerPartition pages of the server's block size; part of what makes partitions stable */
  constructor(
    options: PostgresOptions,
    { pagesPerPartition = PAGES_PER_PARTITION }: { readonly pagesPerPartition?: number } = {},
  ) {
    this.#options = options;
    this.#pagesPerPartition = pagesPerPartition;
    this.name = postgresName(options);
    this.capabilities = { consistency: 'atomic', maxReaders: options.readers };
  }

  async open(signal: AbortSignal): Promise<SourceView> {
    for (let attempt = 1; ; attempt++) {
      const snapshot = await Snapshot.take(this.#options, signal);
      try {
        const inventory = await takeInventory(snapshot, this.#pagesPerPartition, signal);
        const omitted = await listOmitted(snapshot, signal);
        return new PostgresView(this.#options, snapshot, {
          ...inventory,
          omitted,
          pagesPerPartition: this.#pagesPerPartition,
        });
      } catch (error) {
        await snapshot[Symbol.asyncDispose]();
        if (attempt === ATTEMPTS || !isHoldfastError(error, 'E_SOURCE_CHANGED')) throw error;
      }
    }
  }
}
