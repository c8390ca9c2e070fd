import type { Session } from '../connection/connection.ts';
import { serverTitle } from '../connection/server-title.ts';
import { errorNumber } from '../errors.ts';
import type { SchemaObject } from '../schema/objects.ts';
import { quoteText } from '../text/identifiers.ts';
import { type Release, releaseOf } from './release.ts';

/** What the server of a target says that it knows. */
export interface TargetServer {
  readonly release: Release;
  /** In lower case. */
  readonly engines: ReadonlySet<string>;
  /** Of those that the backup names. */
  readonly unknownModes: ReadonlySet<string>;
  knowsCollation(name: string): boolean;
  knowsCharset(name: string): boolean;
}

/** What the same server calls one and the same: `utf8_bin` and `utf8mb3_bin`. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/^utf8(?=_|$)/, 'utf8mb3');
}

/** Asks a server what it knows. @param objects whose settings are tried there @throws E_SOURCE_*, E_ABORTED */
export async function readTargetServer(
  session: Session,
  objects: readonly SchemaObject[],
  signal: AbortSignal,
): Promise<TargetServer> {
  const names = async (sql: string) =>
    (await session.query<{ name: string | null }>(sql, signal)).flatMap(({ name }) => name ?? []);
  const collations = await names('SELECT COLLATION_NAME AS name FROM information_schema.COLLATIONS');
  // MariaDB from 10.10 on has collations of several character sets.
  const full = await names(
    'SELECT FULL_COLLATION_NAME AS name FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY',
  ).catch((error: unknown) => {
    if (errorNumber(error) !== NO_COLUMN) throw error;
    return [];
  });
  const charsets = await names('SELECT CHARACTER_SET_NAME AS name FROM information_schema.CHARACTER_SETS');
  const engines = await names(
    "SELECT ENGINE AS name FROM information_schema.ENGINES WHERE SUPPORT IN ('YES', 'DEFAULT')",
  );
  const knownCollations = new Set([...collations, ...full].map(plainName));
  const knownCharsets = new Set(charsets.map(plainName));
  return {
    release: releaseOf(await serverTitle(session, signal)),
    engines: new Set(engines.map((name) => name.toLowerCase())),
    unknownModes: await tryModes(session, objects, signal),
    knowsCollation: (name) => knownCollations.has(plainName(name)),
    knowsCharset: (name) => knownCharsets.has(plainName(name)),
  };
}

const NO_COLUMN = 1054;
const WRONG_VALUE = 1231;

async function tryModes(
  session: Session,
  objects: readonly SchemaObject[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const modes = new Set(objects.flatMap(({ sqlMode = '' }) => sqlMode.split(',')).filter((mode) => mode));
  const isKnown = async (list: readonly string[]) => {
    try {
      await session.query(`SET SESSION sql_mode = ${quoteText(list.join(','))}`, signal);
      return true;
    } catch (error) {
      if (errorNumber(error) !== WRONG_VALUE) throw error;
      return false;
    }
  };
  const [before] = await session.query<{ mode: string }>('SELECT @@SESSION.sql_mode AS mode', signal);
  const unknown: string[] = [];
  if (!(await isKnown([...modes])))
    for (const mode of modes) if (!(await isKnown([mode]))) unknown.push(mode);
  await isKnown([before?.mode ?? '']);
  return new Set(unknown);
}
