import { wayChecks } from '../../server-checks.ts';
import { mysqlName } from '../connection/options.ts';
import type { Look, MysqlCheck } from './look.ts';

/** What lies between here and the server; `login` and `tls` judge the rest of the way. */
export const NETWORK: readonly MysqlCheck[] = wayChecks<Look>(({ options }) => ({
  ...options,
  name: mysqlName(options),
}));
