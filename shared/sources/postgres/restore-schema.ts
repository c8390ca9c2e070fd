import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { parallel } from '../../core/parallel.ts';
import { query } from './connection.ts';
import type { Sessions } from './restore-data.ts';
import { entryName, isPrivilege, type TocEntry, withoutOwner } from './toc.ts';

export interface SchemaOptions {
  readonly noOwner: boolean;
  readonly noPrivileges: boolean;
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
  const text = (options.noPrivileges && isPrivilege(entry) ? '' : sql) + entry.settings;
  if (text.trim() === '') return;
  try {
    await query(client, text, options.signal, { object: entryName(entry) });
  } catch (error) {
    throw withHint(error, entry);
  }
}

function withHint(error: unknown, entry: TocEntry): unknown {
  if (!isHoldfastError(error, 'E_SOURCE_FAILED') && !isHoldfastError(error, 'E_SOURCE_DENIED')) return error;
  const hint = / OWNER TO |^GRANT |^REVOKE /m.test(entry.sql)
    ? 'Restore as a role that may do this, or with --no-owner and --no-privileges.'
    : 'Restore into an empty database, or pass --replace to drop what is in the way.';
  return new HoldfastError(error.code, error.message, { cause: error, details: error.details, hint });
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
