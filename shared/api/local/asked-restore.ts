import type { RestoreBody } from '../schema/runs.ts';
import { parseBackup } from '../server/parse-backup.ts';
import { openMomentPlace } from './moment-place.ts';
import type { LocalBackendOptions } from './options.ts';
import { openRestorePlace } from './restore-place.ts';

/** Where a request wants a backup, or a moment, restored. @throws E_BAD_REQUEST, E_NO_MOMENT, E_CONFIG */
export async function placeOf(options: LocalBackendOptions, body: RestoreBody, signal: AbortSignal) {
  if (body.source !== undefined) return openMomentPlace(options, body, signal);
  const key = parseBackup(body.backup ?? '');
  return { key, place: await openRestorePlace(options, key, { asked: body, signal }) };
}

/** What the audit trail has besides the backup. */
export function detailsOf({ datasets, at, beforeTransaction }: RestoreBody) {
  const details = {
    ...(datasets ? { datasets } : {}),
    ...(at === undefined ? {} : { at }),
    ...(beforeTransaction === undefined ? {} : { beforeTransaction }),
  };
  return Object.keys(details).length > 0 ? details : undefined;
}
