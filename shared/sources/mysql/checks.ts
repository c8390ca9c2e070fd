import { type CheckOptions, runChecks, type SourceCheck, type SourceChecks } from '../source-checks.ts';
import type { Look, MysqlCheck } from './checks/look.ts';
import { NETWORK } from './checks/network.ts';
import { SESSION } from './checks/session.ts';
import {
  type AdapterOptions,
  type Environment,
  type MysqlOptions,
  mysqlName,
  parseMysqlOptions,
} from './connection/options.ts';

/** From the name of the server to its tables. */
const CHECKS: readonly MysqlCheck[] = [...NETWORK, ...SESSION];

/** @throws E_CONFIG listing every problem */
export function openMysqlChecks(url: string, options: AdapterOptions, env: Environment): SourceChecks {
  return new MysqlChecks(parseMysqlOptions(url, options, env));
}

class MysqlChecks implements SourceChecks {
  readonly kind = 'mysql';
  readonly name: string;
  readonly #options: MysqlOptions;

  constructor(options: MysqlOptions) {
    this.#options = options;
    this.name = mysqlName(options);
  }

  async *run(options: CheckOptions): AsyncGenerator<SourceCheck> {
    const look: Look = { options: this.#options, session: undefined };
    try {
      yield* runChecks(CHECKS, look, options);
    } finally {
      await look.session?.close();
    }
  }
}
