import { expect } from 'vitest';
import { type KeyField, keyFieldsOf, keyIdOf } from '../../../../shared/core/key-fields.ts';
import { formOfValue } from '../../../../shared/format/key-bounds.ts';
import { KeyRanges } from '../../../../shared/format/key-ranges.ts';
import { readRows } from '../../../../shared/jobs/inside/read-rows.ts';
import type { BackupReader } from '../../../../shared/repository/reading/backup-reader.ts';
import { markedLeaves } from '../../../../shared/repository/reading/near-chunks.ts';
import { never } from '../../../support/repository/engine.ts';

/** Condition as `rows` takes it, and as the server does. */
export interface Asked {
  readonly where: readonly string[];
  readonly sql: string;
}

/** Rows that conditions find, the values of each as text. */
export async function rowsWhere(reader: BackupReader, dataset: string, where: readonly string[]) {
  const { rows } = await readRows(reader, { dataset, where, signal: never });
  return (await Array.fromAsync(rows(), (row) => JSON.stringify(row))).toSorted();
}

/** How many chunks a dataset has, and how many of them may hold a key. */
export async function chunksNear(reader: BackupReader, dataset: string, key: readonly string[]) {
  const found = reader.catalog.datasets.find(({ name }) => name === dataset);
  const fields = keyFieldsOf(found?.attributes ?? {});
  const form = Buffer.concat(fields.map((field, i) => formOfValue(key[i] ?? '', field) ?? Buffer.alloc(0)));
  const ranges = new KeyRanges(keyIdOf(fields), [{ from: form, to: form }]);
  const counts = { all: 0, near: 0 };
  for (const { name: partition } of found?.partitions ?? [])
    for await (const { isNear } of markedLeaves(reader, { dataset, partition, ranges, signal: never })) {
      counts.all += isNear.length;
      counts.near += isNear.filter((is) => is).length;
    }
  return counts;
}

/** The least and the greatest key of each chunk of a table whose key is one whole number, with the numbers in it. */
export async function* numbersOfChunks(reader: BackupReader, dataset: string) {
  const found = reader.catalog.datasets.find(({ name }) => name === dataset);
  const [field] = keyFieldsOf(found?.attributes ?? {});
  for (const { name: partition } of found?.partitions ?? []) {
    const bounds = await reader.bounds(dataset, partition, never);
    let leaf = 0;
    for await (const { refs } of reader.leaves(reader.root(dataset, partition), { signal: never })) {
      const ids = refs.map(({ id }) => id);
      const chunks = (await bounds?.of(leaf++, ids, never))?.chunks ?? [];
      // A leaf all of whose chunks have unknown bounds has no item.
      if (chunks.length > 0) expect(chunks).toHaveLength(refs.length);
      for (const [i, ref] of refs.entries()) {
        const { plain } = await reader.decode([ref], { digest: false, signal: never });
        const lines = Buffer.from(plain).toString().split('\n').slice(0, -1);
        const numbers = lines.map((line) => line.split('\t')[field?.place ?? 0] ?? '');
        yield { numbers, bounds: chunks[i] };
      }
    }
  }
}

/** A number as bounds have it. */
export function numberForm(value: string): Uint8Array {
  return Uint8Array.from(formOfValue(value, { form: 'integer' } satisfies Pick<KeyField, 'form'>) ?? []);
}
