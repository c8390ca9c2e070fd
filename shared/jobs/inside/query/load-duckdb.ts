import { HoldfastError } from '../../../core/errors.ts';

/** The package, which users install beside this one if they want to query. */
export const DUCKDB = '@duckdb/node-api';
/** Its release that this one was tested with. Also in package.json, where a test compares them. */
export const DUCKDB_VERSION = '1.5.6-r.1';
const INSTALL = `Run: npm install ${DUCKDB}@${DUCKDB_VERSION}`;

/** The package as a module. */
export type Duckdb = typeof import('@duckdb/node-api');

/** Loads DuckDB. @throws E_CONFIG if it is not installed, does not run here or is of another release */
export async function loadDuckdb(
  load: () => Promise<Duckdb> = () => import('@duckdb/node-api'),
): Promise<Duckdb> {
  const duckdb = await load().catch((cause: unknown) => {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';
    const problem = isMissing ? 'is not installed' : `cannot be loaded: ${String(cause)}`;
    throw new HoldfastError('E_CONFIG', `queries need DuckDB, the package ${DUCKDB}, which ${problem}`, {
      cause,
      hint: INSTALL,
    });
  });
  const found = duckdb.version();
  const wanted = `v${DUCKDB_VERSION.split('.').slice(0, 2).join('.')}.`;
  if (found.startsWith(wanted)) return duckdb;
  throw new HoldfastError('E_CONFIG', `queries need DuckDB ${wanted.slice(1)}x; ${DUCKDB} is of ${found}`, {
    hint: INSTALL,
  });
}
