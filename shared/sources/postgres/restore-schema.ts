import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { parallel } from '../../core/parallel.ts';
import { query } from './connection.ts';
import type { Sessions } from './restore-data.ts';
import { entryName, isPrivilege, type TocEntry, withoutOwner } from './toc.ts';

export interface SchemaOptions {
  readonly noOwner: boolean;
  readonly noPrivileges: boolean;
  /** The default one takes their place. */
  readonly missingTablespaces: readonly string[];
  /**
   * Rows are missing: a foreign key that refers to one is made NOT VALID (it holds for new rows), or left out where that
   * cannot be; called with what was done. Undefined: such a key is an error.
   */
  readonly onUnfulfilled?: ((message: string) => void) | undefined;
  readonly signal: AbortSignal;
}

/** What may be built side by side: each reads its own table and makes one index. */
const BUILDS = new Set(['INDEX', 'CONSTRAINT']);

/** Drops, then makes what comes before the data, in one transaction: all of it or nothing. */
export async function restorePreData(
  client: pg.Client,
  {
    preamble,
    entries,
    drops,
  }: { readonly preamble: string; readonly entries: readonly TocEntry[]; readonly drops: readonly string[] },
  options: SchemaOptions,
): Promise<void> {
  await query(client, `${preamble}\nBEGIN`, options.signal);
  for (const drop of drops) await query(client, drop, options.signal, { object: drop });
  for (const entry of entries) await runEntry(client, entry, options);
  await query(client, 'COMMIT', options.signal);
}

/** Makes what comes after the data, in the dump's order; indexes of different tables at once. */
export async function restorePostData(
  sessions: Sessions,
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
        await runEntry(client, entry, options);
        onEntry(entry);
      }
    });
    await parallel(lanes, { most: jobs, signal: options.signal }, (lane) => sessions.use(lane));
  }
}

async function runEntry(client: pg.Client, entry: TocEntry, options: SchemaOptions): Promise<void> {
  const sql = options.noOwner ? withoutOwner(entry) : entry.sql;
  if ((options.noPrivileges && isPrivilege(entry)) || sql.trim() === '') return;
  const run = (text: string) =>
    query(client, settingsFor(entry, options) + text, options.signal, { object: entryName(entry) });
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
  const sql = 'SELECT pg_catalog.quote_ident(spcname) AS name FROM pg_catalog.pg_tablespace';
  const there = await query<{ name: string }>(client, sql, signal);
  return [...named].filter((one) => !there.some(({ name }) => name === one)).sort();
}

/** What the server's answers mean where something is made; by SQLSTATE. */
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

/** Where something is made, what is missing was not changed meanwhile: it never was there. */
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
