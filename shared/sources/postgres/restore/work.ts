import type pg from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { RestoreOptions } from '../../target.ts';
import { query } from '../connection/connection.ts';
import { parseToc, type Toc, type TocEntry } from '../pg-dump/toc.ts';
import { type GlobalsWork, planGlobals } from '../roles/restore-globals.ts';
import { checkRoles, listRoles } from '../roles/restore-roles.ts';
import { type Cascade, findCascade, NOTHING_FALLS } from './cascade.ts';
import { chooseDatasets, type RestoreChoice } from './choice.ts';
import { lookUp, type Presence, rootsOf } from './conflicts.ts';
import { refuseLostSchema, withoutBrokenObjects } from './gaps.ts';
import { checkLargeObjects } from './large-object-check.ts';
import { forServer } from './older.ts';
import { findMissingTablespaces } from './schema.ts';
import { type SchemaSelection, selectSchema } from './selection.ts';
import { leaveOthers } from './shared.ts';
import { readScript } from './text.ts';

/** What a restore is made of; the plan that people see is drawn from it. */
export interface RestoreWork extends SchemaSelection {
  readonly pre: Toc;
  /** Every entry of the dump. */
  readonly all: readonly TocEntry[];
  readonly datasets: readonly StoredDataset[];
  /** Names of datasets; undefined: all. */
  readonly asked: ReadonlySet<string> | undefined;
  /** What the target has of what is restored. */
  readonly presence: Presence;
  /** What is also dropped if that is replaced. */
  readonly cascade: Cascade;
  /** Roles that are made first; undefined unless that was asked for. */
  readonly globals: GlobalsWork | undefined;
  readonly missingRoles: readonly string[];
  readonly missingTablespaces: readonly string[];
  /** How many large objects of the backup the target has. */
  readonly largeObjects: number;
}

/** Reads the backup's schema and looks at the target; writes nothing. @throws E_SOURCE_*, E_NO_DATASET, E_TARGET_NOT_EMPTY */
export async function prepareRestore(
  client: pg.Client,
  contents: BackupContents,
  options: RestoreOptions,
  signal: AbortSignal,
): Promise<RestoreWork> {
  refuseLostSchema(contents, options);
  const read = async (role: 'pre-data' | 'post-data') => parseToc(await readScript(contents, role, signal));
  const scripts = [await read('pre-data'), await read('post-data')] as const;
  const adapted = await forServer(client, scripts, signal);
  const [pre, post] = adapted.scripts;
  const all = [...pre.entries, ...post.entries];
  const chosen = chooseDatasets(contents.datasets, options.datasets, pre);
  const { datasets, leftOut } = withoutBrokenObjects(chosen.datasets, options);
  const schema = await chooseSchema(client, { pre, post, chosen }, options, signal);
  const largeObjects = await checkLargeObjects(client, contents, datasets, { ...options, signal });
  const there = await listRoles(client, signal);
  const globals =
    options.special?.['roles'] === true ? await planGlobals(client, contents, there, signal) : undefined;
  const roles = new Set([...there, ...(globals?.made ?? [])]);
  const wanted = [...schema.preData, ...schema.postData];
  const others = await leaveOthers(client, wanted, schema.presence.present, signal);
  const byRoles = checkRoles(others.entries, roles, options);
  const selected = new Set(byRoles.entries);
  const unknown = [...largeObjects.roles].filter((role) => !roles.has(role));
  const missingTablespaces = await findMissingTablespaces(client, [...selected], signal);
  return {
    ...schema,
    preData: schema.preData.filter((entry) => selected.has(entry)),
    postData: schema.postData.filter((entry) => selected.has(entry)),
    warnings: [
      ...schema.warnings,
      ...leftOut,
      ...adapted.warnings,
      ...others.warnings,
      ...byRoles.warnings,
      ...missingTablespaces.map((name) => `the target has no tablespace ${name}: its default one is used`),
      ...(options.noPrivileges ? [] : await defaultPrivilegesWarning(client, signal)),
    ],
    globals,
    pre,
    all,
    datasets,
    asked: chosen.asked,
    missingRoles: [...new Set([...byRoles.missing, ...unknown])].sort(),
    missingTablespaces,
    largeObjects: largeObjects.present,
  };
}

/** The entries that are made, those of them that the target has, and what goes with these. */
async function chooseSchema(
  client: pg.Client,
  { pre, post, chosen }: { readonly pre: Toc; readonly post: Toc; readonly chosen: RestoreChoice },
  { replace = false }: RestoreOptions,
  signal: AbortSignal,
): Promise<SchemaSelection & Pick<RestoreWork, 'presence' | 'cascade'>> {
  const all = [...pre.entries, ...post.entries];
  const there = await lookUp(client, all, signal);
  const select = (has: (entry: TocEntry) => boolean, rebuilt: ReadonlySet<TocEntry>) =>
    chosen.asked === undefined
      ? { preData: pre.entries, postData: post.entries, warnings: [] }
      : selectSchema(chosen.tables, { pre, post, has, rebuilt });
  const selection = select((entry) => there.present.has(entry), new Set());
  const selected = new Set([...selection.preData, ...selection.postData]);
  const present = new Set([...there.present].filter((entry) => selected.has(entry)));
  const presence = { present, ids: there.ids };
  if (!replace) return { ...selection, presence, cascade: NOTHING_FALLS };
  const about = { entries: all, ids: there.ids };
  const cascade = await findCascade(client, rootsOf(presence), about, signal);
  if (chosen.asked !== undefined) refuseLostRows(cascade, chosen);
  const has = (entry: TocEntry) =>
    there.present.has(entry) && !present.has(entry) && !cascade.rebuilt.has(entry);
  const again = select(has, cascade.rebuilt);
  return { ...again, preData: [...again.preData, ...cascade.defaults], presence, cascade };
}

/** Rows of a table that nobody asked for are not to go. @throws E_TARGET_NOT_EMPTY */
function refuseLostRows({ rebuilt, lostRows }: Cascade, { tables }: RestoreChoice): void {
  const isAsked = ({ schema, name }: TocEntry) =>
    tables.some((table) => table.schema === schema && table.table === name);
  const others = [...rebuilt]
    .filter((entry) => entry.type === 'TABLE' && !isAsked(entry))
    .map(({ schema, name }) => `table ${schema}.${name}`);
  const named = [...others, ...lostRows].sort();
  if (named.length === 0) return;
  throw new HoldfastError(
    'E_TARGET_NOT_EMPTY',
    `what is replaced would take others' rows with it: ${named.join(', ')}; nothing was changed`,
    { hint: 'Name these tables with --dataset too if the backup has them, or first detach or drop them.' },
  );
}

/** Default privileges act on what a restore makes, and pg_dump's GRANT and REVOKE do not know of them. */
async function defaultPrivilegesWarning(client: pg.Client, signal: AbortSignal): Promise<string[]> {
  const rows = await query(
    client,
    'SELECT 1 FROM pg_catalog.pg_default_acl a JOIN pg_catalog.pg_roles r ON r.oid = a.defaclrole WHERE r.rolname = current_user LIMIT 1',
    signal,
  );
  const text =
    'the target has default privileges for objects that this user makes (ALTER DEFAULT PRIVILEGES): they come on top of those of the backup';
  return rows.length > 0 ? [text] : [];
}
