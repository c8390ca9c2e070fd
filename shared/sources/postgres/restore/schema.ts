import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { parallel } from '../../../core/parallel.ts';
import { query } from '../connection/connection.ts';
import { entryName, isPrivilege, type TocEntry, withoutOwner } from '../pg-dump/toc.ts';
import { listNames } from '../roles/shared-names.ts';
import { quoteIdent } from '../text/identifiers.ts';
import type { WriteSessions } from './data.ts';
import { goOn, isOfObject, nothingChanged, type OnFailure } from './failures.ts';

/** How the schema is changed for a target. */
export interface SchemaOptions {
  readonly noOwner: boolean;
  readonly noPrivileges: boolean;
  /** The default one takes their place. */
  readonly missingTablespaces: readonly string[];
  /**
   * Rows are missing: a foreign key that refers to one is made NOT VALID (it holds for new rows), or left out
   * if that cannot be; called with what was done. Undefined: such a key is an error.
   */
  readonly onUnfulfilled?: ((message: string) => void) | undefined;
  /** Called with each object that could not be made, if others are. Undefined: the first is thrown. */
  readonly onFailure?: OnFailure;
  readonly signal: AbortSignal;
}

/** What may be built side by side: each reads its own table and makes one index. */
const BUILDS = new Set(['INDEX', 'CONSTRAINT']);

/** The session's own is kept. */
const CLIENT_ENCODING = /^SET client_encoding = .*;$/m;

/**
 * Drops, then makes what comes before the data, in one transaction: all of it or nothing, but for extensions, which a
 * server may lack or forbid, and without which everything else may be whole. With `keepGoing`, all that can be made.
 */
export async function restorePreData(
  client: pg.Client,
  {
    preamble,
    entries,
    drops,
  }: { readonly preamble: string; readonly entries: readonly TocEntry[]; readonly drops: readonly string[] },
  { keepGoing, ...options }: SchemaOptions & { readonly keepGoing: boolean },
): Promise<void> {
  const { signal, onFailure } = options;
  await query(client, `${preamble.replace(CLIENT_ENCODING, '')}\nBEGIN`, signal);
  for (const drop of drops) await query(client, drop, signal, { object: drop });
  const failures = await makeAll(client, entries, options);
  const mayBeLeftOut = ({ entry }: EntryFailure) => keepGoing || entry.type === 'EXTENSION';
  if (failures.length > 0 && !(onFailure && failures.every(mayBeLeftOut))) throw nothingChanged(failures);
  await query(client, 'COMMIT', signal);
  for (const { object, error } of failures) onFailure?.({ object, message: error.message });
}

interface EntryFailure {
  readonly entry: TocEntry;
  readonly object: string;
  readonly error: HoldfastError;
}

/** All that can be made, in one transaction. @returns what cannot */
async function makeAll(
  client: pg.Client,
  entries: readonly TocEntry[],
  options: SchemaOptions,
): Promise<readonly EntryFailure[]> {
  const failures: EntryFailure[] = [];
  const isOfLacking = ({ type, name }: TocEntry) =>
    type === 'COMMENT' &&
    failures.some(
      ({ entry }) =>
        entry.type === 'EXTENSION' &&
        [entry.name, quoteIdent(entry.name)].some((written) => name === `EXTENSION ${written}`),
    );
  for (const entry of entries) {
    if (isOfLacking(entry)) continue;
    try {
      await runEntry(client, entry, { ...options, isInTransaction: true });
    } catch (error) {
      if (!isOfObject(error)) throw error;
      // A text that is not valid in the target's encoding is refused before the savepoint is made: there is no way back to it.
      await query(client, `ROLLBACK TO SAVEPOINT ${SAVEPOINT}`, options.signal).catch(() => {
        throw error;
      });
      failures.push({ entry, object: entryName(entry), error });
    }
  }
  return failures;
}

const SAVEPOINT = 'holdfast_entry';

/** Makes what comes after the data, in the dump's order; indexes of different tables at once. */
export async function restorePostData(
  sessions: WriteSessions,
  entries: readonly TocEntry[],
  {
    jobs,
    onEntry,
    ...options
  }: SchemaOptions & { readonly jobs: number; readonly onEntry: (entry: TocEntry) => void },
): Promise<void> {
  for (const group of groupBuilds(entries)) {
    const lanes = group.map((lane) => async (client: pg.Client) => {
      for (const entry of lane) {
        const make = () => runEntry(client, entry, options);
        await goOn({ object: entryName(entry) }, make, options.onFailure);
        onEntry(entry);
      }
    });
    await parallel(lanes, { most: jobs, signal: options.signal }, (lane) => sessions.use(lane));
  }
}

/** @param options.isInTransaction after an error, what was before the entry can be returned to */
async function runEntry(
  client: pg.Client,
  entry: TocEntry,
  options: SchemaOptions & { readonly isInTransaction?: boolean },
): Promise<void> {
  const sql = options.noOwner ? withoutOwner(entry) : entry.sql;
  if ((options.noPrivileges && isPrivilege(entry)) || sql.trim() === '') return;
  const [before, after] = options.isInTransaction
    ? [`SAVEPOINT ${SAVEPOINT};\n`, `\n;RELEASE SAVEPOINT ${SAVEPOINT}`]
    : ['', ''];
  const run = (text: string) => {
    const statements = `${before}${settingsFor(entry, options)}${text}${after}`;
    return query(client, statements, options.signal, { object: entryName(entry) });
  };
  try {
    await run(sql);
  } catch (error) {
    if (!options.onUnfulfilled || stateOf(error) !== FOREIGN_KEY_VIOLATION) throw withHint(error);
    options.onUnfulfilled(await makeNotValid(entry, sql, run));
  }
}

const FOREIGN_KEY_VIOLATION = '23503';

async function makeNotValid(
  entry: TocEntry,
  sql: string,
  run: (sql: string) => Promise<unknown>,
): Promise<string> {
  const why = `${entryName(entry)} refers to rows that are missing`;
  try {
    await run(sql.replace(/;\s*$/, ' NOT VALID;'));
    return `${why}: it is NOT VALID, and holds for new rows`;
  } catch (error) {
    if (!isHoldfastError(error, 'E_SOURCE_FAILED')) throw error;
    return `${why}: it is left out`;
  }
}

function stateOf(error: unknown): string {
  return isHoldfastError(error) ? String(error.details['sqlState'] ?? '') : '';
}

function settingsFor({ settings }: TocEntry, { missingTablespaces }: SchemaOptions): string {
  return settings.replace(TABLESPACE, (all, name: string) =>
    missingTablespaces.includes(name) ? "SET default_tablespace = '';" : all,
  );
}

const TABLESPACE = /^SET default_tablespace = (.+);$/m;

/** Of those that entries name, as they are written in SQL, those that the target has not. */
export async function findMissingTablespaces(
  client: pg.Client,
  entries: readonly TocEntry[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const named = new Set(entries.flatMap(({ settings }) => TABLESPACE.exec(settings)?.[1] ?? []));
  named.delete("''");
  if (named.size === 0) return [];
  const spaces = { catalog: 'pg_tablespace', name: 'pg_catalog.quote_ident(spcname)' };
  const there = await listNames(client, spaces, signal);
  return [...named].filter((one) => !there.includes(one)).sort();
}

/** What the server's errors mean when something is being made; by SQLSTATE. */
const MEANINGS: readonly { readonly states: RegExp; readonly hint: string }[] = [
  {
    states: /^42501$/,
    hint: 'Restore as a role that may do this, or with --no-owner and --no-privileges.',
  },
  {
    states: /^42(P0[467]|710|712|723)$/,
    hint: 'Restore into an empty database, or pass --replace to drop what is in the way.',
  },
  {
    states: /^(0A000|58P01|42601)$/,
    hint: 'Give the target server what it lacks: an extension of this name, or a version as new as that of the backup.',
  },
  {
    states: /^(42P01|42704|42883|3F000|3D000)$/,
    hint: 'Make what is missing in the target first, or restore the whole backup into an empty database.',
  },
];

/** When something is being made, a missing object was not changed meanwhile: it never existed. */
function withHint(error: unknown): unknown {
  if (!isHoldfastError(error)) return error;
  const state = stateOf(error);
  const hint = MEANINGS.find(({ states }) => states.test(state))?.hint ?? error.hint;
  const code = error.code === 'E_SOURCE_CHANGED' ? 'E_SOURCE_FAILED' : error.code;
  return new HoldfastError(code, error.message, {
    cause: error,
    details: error.details,
    ...(hint && { hint }),
  });
}

/** Runs of builds become one group with a lane for each table; every other entry is a group of its own. */
function groupBuilds(entries: readonly TocEntry[]): TocEntry[][][] {
  const groups: TocEntry[][][] = [];
  let lanes: Map<string, TocEntry[]> | undefined;
  for (const entry of entries) {
    if (!BUILDS.has(entry.type)) {
      lanes = undefined;
      groups.push([[entry]]);
      continue;
    }
    if (!lanes) {
      lanes = new Map();
      groups.push([]);
    }
    const table = /(?: ON (?:ONLY )?|ALTER TABLE (?:ONLY )?)(\S+)/.exec(entry.sql)?.[1] ?? '';
    const lane = lanes.get(table);
    if (lane) lane.push(entry);
    else {
      const fresh = [entry];
      lanes.set(table, fresh);
      groups.at(-1)?.push(fresh);
    }
  }
  return groups;
}
