/** Where Debian puts Chromium. */
export const CHROMIUM = '/usr/bin/chromium';
/** Where Debian puts PostgreSQL 15's programs. */
export const POSTGRES_15_BIN = '/usr/lib/postgresql/15/bin';
