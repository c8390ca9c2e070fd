import { type CheckOptions, runChecks, type SourceCheck, type SourceChecks } from '../source-checks.ts';
import type { CheckContext, PostgresCheck } from './checks/look.ts';
import { NETWORK } from './checks/network.ts';
import { SESSION } from './checks/session.ts';
import { disconnect } from './connection/connection.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from './connection/options.ts';

/** From the name of the server to its tables. */
const CHECKS: readonly PostgresCheck[] = [...NETWORK, ...SESSION];

/** @throws E_CONFIG listing every problem */
export function openPostgresChecks(url: string, options: AdapterOptions, env: Environment): SourceChecks {
  return new PostgresChecks(parsePostgresOptions(url, options, env));
}

class PostgresChecks implements SourceChecks {
  readonly kind = 'postgres';
  readonly name: string;
  readonly #options: PostgresOptions;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.name = postgresName(options);
  }

  async *run(options: CheckOptions): AsyncGenerator<SourceCheck> {
    const look: CheckContext = { options: this.#options, client: undefined };
    try {
      yield* runChecks(CHECKS, look, options);
    } finally {
      if (look.client) await disconnect(look.client);
    }
  }
}
