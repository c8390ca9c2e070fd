import { CanonicalJson, parseRecord, recordLine } from './json.ts';
import { comparePaths } from './key-order.ts';

/** A record from its line. @throws E_DAMAGED */
export function recordOfLine(line: string): SelectedRecord {
  const { path, value } = parseRecord(line.trimEnd());
  return { path: path === '' ? [] : path.split('/'), value, line };
}

/**
 * The children of a record as records, what the node says of itself last. Undefined if it has none: a text, a
 * number, a truth value, with its priority if it has one.
 */
export function childRecords({ path, value }: SelectedRecord): readonly SelectedRecord[] | undefined {
  const members = new CanonicalJson(value).members();
  if (!members || members.every(({ key }) => key.startsWith('.'))) return undefined;
  return members.map((member) => {
    const below = [...path, member.key];
    return { path: below, value: member.value, line: recordLine(below.join('/'), member.value) };
  });
}

/** Every value below as a record of its own, in order: no matter into which records a backup or a database was cut. */
export async function* leavesOf(records: AsyncIterable<SelectedRecord>): AsyncGenerator<SelectedRecord> {
  for await (const record of records) yield* leavesOfOne(record);
}

function* leavesOfOne(record: SelectedRecord): Generator<SelectedRecord> {
  const parts = childRecords(record);
  if (!parts) yield record;
  else for (const part of parts) yield* leavesOfOne(part);
}

/** Those leaves whose paths are among the paths of others too; both in order. */
export async function* leavesAmong(
  leaves: AsyncIterable<SelectedRecord>,
  others: AsyncIterable<SelectedRecord>,
): AsyncGenerator<SelectedRecord> {
  const known = others[Symbol.asyncIterator]();
  try {
    let next = await known.next();
    for await (const leaf of leaves) {
      while (!next.done && comparePaths(next.value.path, leaf.path) < 0) next = await known.next();
      if (next.done) return;
      if (comparePaths(next.value.path, leaf.path) === 0) yield leaf;
    }
  } finally {
    await known.return?.();
  }
}

/** A record of a selection: its path from the selection's own node. */
export interface SelectedRecord {
  readonly path: readonly string[];
  /** Canonical JSON. */
  readonly value: string;
  /** Both, as a line with its newline. */
  readonly line: string;
}
