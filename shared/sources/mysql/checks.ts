import { type CheckOptions, runChecks, type SourceCheck, type SourceChecks } from '../source-checks.ts';
import type { Look, MysqlCheck } from './checks/look.ts';
import { NETWORK } from './checks/network.ts';
import { SESSION } from './checks/session.ts';
import { USER_CHECK, VALUE_CHECKS } from './checks/values.ts';
import {
  type AdapterOptions,
  type Environment,
  type MysqlOptions,
  mysqlName,
  parseMysqlOptions,
} from './connection/options.ts';

/** From the name of the server to its tables. */
const CHECKS: readonly MysqlCheck[] = [...NETWORK, ...SESSION, ...VALUE_CHECKS];

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
      const checks = this.#options.hasUsers ? [...CHECKS, USER_CHECK] : CHECKS;
      yield* runChecks(checks, look, options);
    } finally {
      await look.session?.close();
    }
  }
}
