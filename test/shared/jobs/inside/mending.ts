import type { BackupKey } from '../../../../shared/core/ids.ts';
import type { RowChoice } from '../../../../shared/jobs/inside/chosen-records.ts';
import { datasetKey } from '../../../../shared/jobs/inside/dataset-key.ts';
import { diffVersions } from '../../../../shared/jobs/inside/diff.ts';
import { restoreRows } from '../../../../shared/jobs/inside/restore-rows.ts';
import { readRowsFile } from '../../../../shared/jobs/inside/rows-file.ts';
import type { RowPlace, RowsPlan } from '../../../../shared/jobs/inside/rows-plan.ts';
import { backupVersion, openLive } from '../../../../shared/jobs/inside/version.ts';
import { openSource } from '../../../../shared/jobs/source/open-source.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { never } from '../../../support/repository/engine.ts';

/** A line of `holdfast diff --format ndjson`. */
export interface DiffLine {
  readonly dataset: string;
  readonly change: string;
  readonly key: Readonly<Record<string, string | null>>;
  readonly before: object | null;
  readonly after: object | null;
}

/** What somebody works with who puts rows back. */
export interface Scene {
  readonly repository: Repository;
  readonly key: BackupKey;
  readonly place: RowPlace;
  readonly datasets: readonly string[];
}

/** What differs between the backup and the database as it is now. */
export async function diffLines({ repository, key, place, datasets }: Scene): Promise<readonly DiffLine[]> {
  await using live = await openLive(await openSource(place.config, place.env), never);
  const backup = backupVersion(await repository.openBackup(key, never));
  const lines: DiffLine[] = [];
  for await (const { dataset, columns, key: names, changes } of diffVersions(backup, live, {
    datasets,
    signal: never,
  })) {
    for await (const { change, before, after } of changes()) {
      const object = (row: typeof before) =>
        row && Object.fromEntries(columns.map(({ name }, i) => [name, row[i] ?? null]));
      const all = object(before ?? after) ?? {};
      const own = Object.fromEntries(names.map((name) => [name, all[name] ?? null]));
      lines.push({ dataset, change, key: own, before: object(before), after: object(after) });
    }
  }
  await live.check(never);
  return lines;
}

/** Puts those lines back, as `restore --rows` does. */
export async function putBack(scene: Scene, lines: readonly DiffLine[]): Promise<RowsPlan> {
  const { repository, key, place } = scene;
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const keyOf = (dataset: string) => datasetKey(repository, key, dataset, never);
  const choices = await readRowsFile(text, { name: 'lines', datasets: undefined, keyOf });
  return restoreRows(repository, key, place, { choices, onConflict: 'replace', signal: never });
}

/** Rows of one table. */
export function rowsOf(dataset: string, more: Omit<RowChoice, 'dataset'> = {}): readonly RowChoice[] {
  return [{ dataset, ...more }];
}
