import type { Session } from './connection.ts';

/** Product and version, such as `MariaDB 10.11.6` or `MySQL 8.0.36`. */
export async function serverTitle(session: Session, signal: AbortSignal): Promise<string> {
  const [row] = await session.query<{ version: string; comment: string }>(
    'SELECT @@version AS version, @@version_comment AS comment',
    signal,
  );
  const { version = session.version, comment = '' } = row ?? {};
  const product = /mariadb/i.test(version)
    ? 'MariaDB'
    : /percona/i.test(comment)
      ? 'Percona Server'
      : 'MySQL';
  return `${product} ${version.split('-')[0]}`;
}
