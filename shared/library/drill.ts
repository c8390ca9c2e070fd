import { type DrillOptions as JobOptions, runDrill } from '../jobs/drill/drill.ts';
import { momentsOf } from '../jobs/drill/drill-moment.ts';
import type { DrillResult } from '../jobs/drill/drill-result.ts';
import { chooseBackup } from '../jobs/restore/choose-backup.ts';
import { noteOfDrill } from '../jobs/runs/record-run.ts';
import { type Place, scratchAt } from './places.ts';
import { type RunOptions, recorded } from './recorded.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** How a drill is run. */
export interface DrillOptions extends RunOptions, Pick<JobOptions, 'jobs' | 'keep'> {}

/**
 * Restores a backup into a database that it creates on a server, compares all of it with the backup, drops
 * the database, and keeps a report of the result. A failed drill is an outcome, not an error.
 *
 * @param backup as `restore` takes it; `good` is the newest that nothing speaks against
 * @param server a URL, or for text files a folder
 * @throws HoldfastError E_NO_BACKUP, E_USAGE, E_NO_KEY, E_STORE_*, E_ABORTED
 */
export async function drill(
  opened: OpenRepository,
  backup: string,
  server: string | Place,
  options: DrillOptions = {},
): Promise<DrillResult> {
  const { repository } = engineOf(opened);
  const { signal = NEVER } = options;
  const key = await chooseBackup(repository, backup, { signal });
  const place = await scratchAt(server);
  const { source } = await repository.readManifest(key, signal);
  const work = () =>
    runDrill(repository, key, place, { ...options, restoreMoment: momentsOf(source.kind), signal });
  const about = { kind: 'drill', source: source.name, backup: key } as const;
  return recorded(opened, about, work, { ...options, noteOf: noteOfDrill });
}
