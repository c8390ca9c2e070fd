import { describe, expect } from 'vitest';
import { compareRows } from '../../../../shared/jobs/changes/proof/compare-rows.ts';
import { followStream } from '../../../../shared/jobs/changes/proof/stream-rows.ts';
import { type KeyPart, partsOf, WHOLE } from '../../../../shared/jobs/inside/key-parts.ts';
import type { RowChange } from '../../../../shared/jobs/inside/row-changes.ts';
import type { ChangeTransaction, RowChangeOfStream } from '../../../../shared/sources/changes.ts';
import type { Fields } from '../../../../shared/sources/rows.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, turns } from '../../../support/repository/torture.ts';

const it = turns(2);

/** What a table holds: the text of each row by its key. A plain map, and nothing of the code under test. */
type Table = ReadonlyMap<string, string>;
type Change =
  | { readonly kind: 'insert' | 'update'; readonly key: string; readonly to: string; readonly text: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'truncate' };

const KEYS = 12;
const HISTORIES = cases(40, 200, 4000);

interface History {
  readonly before: Table;
  readonly changes: readonly Change[];
  readonly after: Table;
}

/** A table, and changes that each fit what it holds then. */
function history(seed: number): History {
  const random = seededRandom(seed);
  const pick = (most: number) => Math.floor(random() * most);
  const before = new Map(Array.from({ length: pick(KEYS) }, (_, i) => [`k${i}`, `first ${i}`]));
  const table = new Map(before);
  const changes: Change[] = [];
  for (let i = pick(25); i > 0; i--) {
    const change = changeOf(table, pick);
    if (!change) continue;
    changes.push(change);
    apply(table, change);
  }
  return { before, changes, after: table };
}

function changeOf(table: Table, pick: (most: number) => number): Change | undefined {
  if (pick(30) === 0) return { kind: 'truncate' };
  const key = [...table.keys()][pick(table.size)];
  const other = `k${pick(KEYS * 2)}`;
  // Some changes give back what was there before.
  const textOf = (of: string) => (pick(3) === 0 ? `first ${of.slice(1)}` : `text ${pick(4)}`);
  if (key !== undefined && pick(4) === 0) return { kind: 'delete', key };
  if (key !== undefined && pick(2) === 0) return { kind: 'update', key, to: key, text: textOf(key) };
  if (table.has(other)) return undefined;
  const made = { to: other, text: textOf(other) };
  return key !== undefined && pick(3) === 0
    ? { kind: 'update', key, ...made }
    : { kind: 'insert', key: other, ...made };
}

/** As a server does it. @returns false if it cannot be done */
function apply(table: Map<string, string>, change: Change): boolean {
  if (change.kind === 'truncate') table.clear();
  else if (change.kind === 'delete') return table.delete(change.key);
  else if (change.kind === 'insert' ? table.has(change.to) : !table.has(change.key)) return false;
  else {
    if (change.kind === 'update') table.delete(change.key);
    if (table.has(change.to)) return false;
    table.set(change.to, change.text);
  }
  return true;
}

/** Whether the changes can be done one after the other, and lead there. */
function leadsTo(before: Table, changes: readonly Change[], after: Table): boolean {
  const table = new Map(before);
  const sorted = (one: Table) => JSON.stringify([...one].sort());
  return changes.every((change) => apply(table, change)) && sorted(table) === sorted(after);
}

/** Each change missing, doubled, and an insert another one; not before a truncation: what that wipes out nobody sees, nor misses. */
function* harmed(changes: readonly Change[]): Generator<readonly Change[]> {
  const first = changes.findLastIndex(({ kind }) => kind === 'truncate') + 1;
  for (const [at, change] of changes.entries()) {
    if (at < first) continue;
    yield changes.toSpliced(at, 1);
    yield changes.toSpliced(at, 0, change);
    if (change.kind === 'insert') yield changes.with(at, { ...change, text: 'harmed' });
  }
}

const asStream = (changes: readonly Change[]): RowChangeOfStream[] =>
  changes.map((change) => {
    const of = { kind: change.kind, dataset: 't', columns: ['id', 'text'] };
    if (change.kind === 'truncate') return of;
    if (change.kind === 'delete') return { ...of, before: [change.key, undefined] };
    const after = [change.to, change.text];
    return change.kind === 'insert' || change.key === change.to
      ? { ...of, after }
      : { ...of, before: [change.key, undefined], after };
  });

/** Two changes a transaction. */
async function* transactions(changes: readonly RowChangeOfStream[]): AsyncGenerator<ChangeTransaction> {
  for (let at = 0; at < changes.length; at += 2)
    yield { id: String(at), committedAt: '', position: String(at), changes: from(changes.slice(at, at + 2)) };
}

async function* from<T>(things: Iterable<T>): AsyncGenerator<T> {
  yield* things;
}

function differing(before: Table, after: Table): RowChange[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => before.get(key) !== after.get(key),
  );
  const row = (table: Table, key: string): Fields | null => (table.has(key) ? [key, table.get(key)!] : null);
  return keys.map((key) => {
    const [was, is] = [row(before, key), row(after, key)];
    return { change: was && is ? 'changed' : was ? 'removed' : 'added', before: was, after: is };
  });
}

/** What the proof finds, with and without a key, over parts that each hold little. */
async function found(
  { before, after }: { readonly before: Table; readonly after: Table },
  changes: readonly RowChangeOfStream[],
  { key, mostBytes = 1e6 }: { readonly key: readonly number[]; readonly mostBytes?: number },
): Promise<readonly string[]> {
  const dataset = {
    columns: ['id', 'text'],
    key,
    changes: () => from(differing(before, after)),
    laterRows: () => from([...after].map(([id, text]): Fields => [id, text])),
  };
  const look = async (part: KeyPart): Promise<string[]> => {
    const options = { part, mostBytes };
    const followed = await followStream(transactions(changes), new Map([['t', dataset]]), options);
    if (!followed) return (await Promise.all(partsOf(part).map(look))).flat();
    const rows = followed.byDataset.get('t') ?? {
      isEmptied: false,
      rows: new Map(),
      counts: new Map(),
      problem: undefined,
    };
    const differences = await Array.fromAsync(compareRows(dataset, rows, part));
    return differences.map((difference) => `${difference.key[0]}: ${difference.problem}`);
  };
  return (await look(WHOLE)).toSorted();
}

describe('a stream of changes between two backups', () => {
  it('is equal if it is whole, and never if a change is missing, doubled or another one', async () => {
    let broken = 0;
    for (let i = 0; i < HISTORIES; i++) {
      const one = history(testSeed * 1_000_003 + i);
      expect(await found(one, asStream(one.changes), { key: [0] }), `history ${i}`).toEqual([]);
      for (const other of harmed(one.changes)) {
        if (leadsTo(one.before, other, one.after)) continue;
        const differences = await found(one, asStream(other), { key: [0] });
        expect(differences, `history ${i}: ${JSON.stringify(other)}`).not.toEqual([]);
        broken++;
      }
    }
    expect(broken).toBeGreaterThan(HISTORIES);
  });

  it('is the same for parts of the keys at a time as for all at once', async () => {
    for (let i = 0; i < HISTORIES; i++) {
      const { before, changes, after } = history(testSeed * 1_000_003 + i);
      const other = asStream(changes).slice(1);
      const all = await found({ before, after }, other, { key: [0] });
      // The truncation of a part is one of the whole.
      expect(await found({ before, after }, other, { key: [0], mostBytes: 400 }), `history ${i}`).toEqual(
        all,
      );
    }
  });

  it('counts rows without a key, and says so if the stream lacks what they were', async () => {
    const before = new Map([
      ['a', 'x'],
      ['b', 'x'],
    ]);
    const after = new Map([
      ['a', 'x'],
      ['c', 'z'],
    ]);
    const of = { dataset: 't', columns: ['id', 'text'] };
    const whole: RowChangeOfStream[] = [
      { ...of, kind: 'update', before: ['b', 'x'], after: ['c', 'y'] },
      { ...of, kind: 'update', before: ['c', 'y'], after: ['c', 'z'] },
    ];
    expect(await found({ before, after }, whole, { key: [] })).toEqual([]);
    expect(await found({ before, after }, whole.slice(0, 1), { key: [] })).toEqual([
      'c: not in the stream',
      'c: only in the stream',
    ]);
    const said = await followStream(
      transactions([{ ...of, kind: 'delete', before: ['a', undefined] }]),
      new Map([['t', { columns: of.columns, key: [] }]]),
      { part: WHOLE, mostBytes: 1e6 },
    );
    expect(said?.byDataset.get('t')?.problem).toMatch(/has no key/);
  });

  it('takes a value that the stream does not say from the row before', async () => {
    const of = { dataset: 't', columns: ['id', 'text'] };
    const changes: RowChangeOfStream[] = [{ ...of, kind: 'update', after: ['a', undefined] }];
    const same = new Map([['a', 'large']]);
    expect(await found({ before: same, after: same }, changes, { key: [0] })).toEqual([]);
    const other = new Map([['a', 'lost']]);
    expect(await found({ before: same, after: other }, changes, { key: [0] })).toEqual(['a: other row']);
  });
});
