import * as z from 'zod';
import { diffPage } from '../../shared/api/presenters/diff.ts';
import { notShown } from '../../shared/api/presenters/not-shown.ts';
import { rowHistoryPage } from '../../shared/api/presenters/row-history.ts';
import { rowsPage } from '../../shared/api/presenters/rows.ts';
import { withoutOptions } from '../../shared/api/presenters/without-options.ts';
import { DiffQuery, RowHistoryQuery, RowsQuery } from '../../shared/api/schema/inside.ts';
import { parseBackup } from '../../shared/api/server/parse-backup.ts';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { writeAudit } from '../../shared/jobs/access/audit.ts';
import { heldLog } from '../../shared/jobs/changes/held-log.ts';
import { backupKeyMember, requestedBy, source } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';
import { sourceMask } from '../runtime/masks.ts';
import { findNamed, openPlace } from '../runtime/places.ts';
import { openConfiguredSource } from '../runtime/sources.ts';

const Event = z.discriminatedUnion('what', [
  z.strictObject({
    what: z.literal('rows'),
    backup: backupKeyMember,
    query: RowsQuery,
    /** Who asked may not see rows as they are. */
    isMasked: z.boolean().optional(),
    requestedBy,
  }),
  z.strictObject({ what: z.literal('diff'), backup: backupKeyMember, query: DiffQuery, requestedBy }),
  z.strictObject({ what: z.literal('held'), source, requestedBy }),
  z.strictObject({
    what: z.literal('history'),
    query: RowHistoryQuery.required({ source: true }),
    requestedBy,
  }),
]);

/**
 * Rows of backups for the admin API, which has no key: a page of a dataset, what differs, the history of a row. Writes nothing but
 * who looked at what, before it looks.
 */
export const handler = defineFunction(Event, async (event, { config, signal, id: run, repository: open }) => {
  if (event.what === 'held') return heldBy(event.source, config, signal);
  const repository = await open();
  const { what, query, requestedBy: by } = event;
  const backups = backupsOf(event);
  const [first] = await Promise.all(backups.map((backup) => repository.readManifest(backup, signal)));
  const isMasked = event.what === 'rows' && event.isMasked === true;
  const maskOf = isMasked ? await sourceMask(first?.source.name ?? '', config, signal) : undefined;
  if (isMasked && !maskOf) throw notShown();
  // Conditions and keys may name people: they are kept in the part that only the key opens.
  const details = JSON.parse(JSON.stringify({ what, ...query }));
  const named = event.what === 'history' ? { source: event.query.source } : {};
  await writeAudit(
    repository,
    { action: 'look', by, outcome: 'begun', run, ...named, backups, details },
    signal,
  );
  if (event.what === 'history') return rowHistoryPage(repository, event.query, { naming: undefined, signal });
  const [key] = backups as [BackupKey];
  if (event.what === 'rows') return rowsPage(repository, key, event.query, { maskOf, signal });
  const liveOf = ({ name }: { readonly name: string }) =>
    withoutOptions(() => openConfiguredSource(name, config, signal));
  return diffPage(repository, key, event.query, { liveOf, signal });
});

/** How much of its log the server of a source holds: no row, and so nothing for the audit trail. */
async function heldBy(name: string, { sources }: ResolvedConfig, signal: AbortSignal) {
  const place = findNamed(name, sources, 'source');
  const { config, env } = await openPlace(place, signal);
  const { continuous } = place;
  return heldLog({ ...config, ...(continuous ? { continuous } : {}) }, env, signal);
}

function backupsOf(event: Exclude<z.infer<typeof Event>, { what: 'held' }>): readonly BackupKey[] {
  if (event.what === 'history') return [];
  const key = parseBackup(event.backup);
  if (event.what === 'rows' || event.query.with === 'live') return [key];
  return [key, parseBackup(event.query.with)];
}
