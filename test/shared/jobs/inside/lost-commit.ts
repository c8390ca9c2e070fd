import { expect } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { restoreRows } from '../../../../shared/jobs/inside/restore-rows.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { type Fate, startCommitProxy } from '../../../support/commit-proxy.ts';
import { never } from '../../../support/repository/engine.ts';

/** What must be said of the rows; the server says what is true. */
export const FATES = [
  ['the answer is lost', 'written'],
  ['it never arrives', 'untouched'],
  ['it arrives late', 'written'],
  ['it never arrives, and the server learns that late', 'untouched'],
  ['nobody can ask afterwards', 'unknown'],
] as const satisfies readonly (readonly [Fate, string])[];

/** Puts a row back that is gone, and removes one that came later, while the first COMMIT has that fate. */
export async function restoreWithFate(
  fate: Fate,
  {
    repository,
    key,
    kind,
    url,
    dataset,
  }: {
    readonly repository: Repository;
    readonly key: BackupKey;
    readonly kind: string;
    readonly url: string;
    readonly dataset: string;
  },
): Promise<string> {
  const through = new URL(url);
  await using proxy = await startCommitProxy(Number(through.port), fate);
  through.hostname = '127.0.0.1';
  through.port = String(proxy.port);
  const place = { config: { kind, url: through.href, options: {} }, env: {} };
  const choices = [{ dataset, keys: [{ id: '1' }], removals: [{ id: '9' }] }];
  const told = await restoreRows(repository, key, place, { choices, signal: never }).then(
    ({ warnings }) => {
      expect(warnings).toEqual([expect.stringContaining('was looked at again, and all rows are there')]);
      return 'written';
    },
    (error: { code: string; message: string; details: { state: string } }) => {
      expect(error).toMatchObject({ code: 'E_SOURCE_LOST', message: expect.stringContaining('committed') });
      return error.details.state;
    },
  );
  expect(proxy.isMet()).toBe(true);
  return told;
}
