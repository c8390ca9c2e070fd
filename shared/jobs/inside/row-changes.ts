import { KiB, MiB } from '../../core/units.ts';
import { type Fields, wholeRecords } from '../../sources/rows.ts';
import { compareFields, compareValues } from './compare-values.ts';
import type { ComparedRows } from './compared-rows.ts';
import { HeldRows } from './held-rows.ts';
import { isDivisible, isInPart, type KeyPart, partsOf, WHOLE } from './key-parts.ts';

/** A row that is in one of two versions, or differs between them. */
export interface RowChange {
  readonly change: 'added' | 'removed' | 'changed';
  /** The row as it was; null if it was not there. */
  readonly before: Fields | null;
  /** The row as it is; null if it is not there. */
  readonly after: Fields | null;
}

/** What may differ of two versions: blocks of records, from the beginning each time that they are asked for. */
export interface TwoVersions {
  before(): AsyncIterable<Uint8Array>;
  after(): AsyncIterable<Uint8Array>;
  /** Records that are equal are equal rows, and nobody writes to a block that was given out. */
  readonly mayKeepBlocks?: boolean;
}

/** Blocks with few rows to copy are not kept. */
const LEAST_KEPT_BYTES = 64 * KiB;

/** Rows of one version without their like in the other that are held at once. */
const MOST_HELD_BYTES = 64 * MiB;

/**
 * The rows that two versions do not have in common, by key; without a key, each as often as it is more often in one. Both are
 * read side by side, and rows that are in both forgotten: what is held is what differs. If that is too much, it is done again for a
 * part of the keys at a time, each part in the order of its keys.
 *
 * @param open says what to read, once
 * @param most bytes of rows to hold
 * @throws what reading throws
 */
export async function* rowChanges(
  open: () => Promise<TwoVersions>,
  rows: ComparedRows,
  most: number = MOST_HELD_BYTES,
  part: KeyPart = WHOLE,
): AsyncGenerator<RowChange> {
  const versions = await open();
  const found = await unmatched(versions, rows, { most, part });
  if (found) for (const change of changesOf(found, rows)) yield change;
  else for (const smaller of partsOf(part)) yield* rowChanges(async () => versions, rows, most, smaller);
}

/** Rows, and how much more often they are in the later version than in the earlier; undefined if they are too many. */
async function unmatched(
  versions: TwoVersions,
  rows: ComparedRows,
  { most, part }: { readonly most: number; readonly part: KeyPart },
): Promise<HeldRows | undefined> {
  const held = new HeldRows();
  const isKept = ({ length }: Uint8Array) =>
    versions.mayKeepBlocks && part.of === 1 && length >= LEAST_KEPT_BYTES;
  for await (const step of sideBySide(versions)) {
    if (isKept(step.block)) held.addRecords(step.block, step.step);
    else addRows(held, step, rows, part);
    if (held.bytes > most && isDivisible(part)) return undefined;
  }
  return held;
}

function addRows(held: HeldRows, { block, step }: Step, rows: ComparedRows, part: KeyPart): void {
  for (const row of step < 0 ? rows.before(block) : rows.after(block))
    if (part.of === 1 || isInPart(JSON.stringify(rows.keyOf(row)), part)) held.add(row, step);
}

interface Step {
  /** Whole records. */
  readonly block: Uint8Array;
  /** -1 for the earlier version, 1 for the later. */
  readonly step: -1 | 1;
}

/** The blocks of both, the next one of that of which less was read: what they have in common comes close together. */
async function* sideBySide(versions: TwoVersions): AsyncGenerator<Step> {
  const sides = ([-1, 1] as const).map((step) => ({
    step,
    blocks: wholeRecords(step < 0 ? versions.before() : versions.after()),
    readBytes: 0,
  }));
  try {
    for (let open = [...sides]; open.length > 0; ) {
      const side = open.reduce((one, other) => (other.readBytes < one.readBytes ? other : one));
      const next = await side.blocks.next();
      if (next.done) open = open.filter((one) => one !== side);
      else {
        side.readBytes += next.value.length;
        yield { block: next.value, step: side.step };
      }
    }
  } finally {
    for (const { blocks } of sides) await blocks.return(undefined);
  }
}

/** A row that one of the two versions has more often, and its key. */
interface KeyedRow {
  readonly row: number;
  readonly key: Fields;
}

/** In the order of their keys. Of rows only the bytes are held until their turn: fields take several times as much. */
function* changesOf(found: HeldRows, rows: ComparedRows): Generator<RowChange> {
  const { columns, key } = rows;
  const keyed: KeyedRow[] = [];
  for (const row of found) keyed.push({ row, key: rows.keyOf(found.bytesOf(row)) });
  const order = compareFields(key.length === 0 ? columns : key.flatMap((place) => columns[place] ?? []));
  // Numbers may be equal that are written in two ways, and are two keys.
  keyed.sort((a, b) => order(a.key, b.key) || compareTexts(a.key, b.key));
  const isOfKey = ({ key: one }: KeyedRow, other: KeyedRow | undefined) =>
    key.length > 0 && other !== undefined && compareTexts(one, other.key) === 0;
  for (let at = 0, end = 0; at < keyed.length; at = end) {
    const first = keyed[at] as KeyedRow;
    do end++;
    while (isOfKey(first, keyed[end]));
    const change = end - at === 2 ? changeOf(first, keyed[at + 1] as KeyedRow, { found, rows }) : undefined;
    if (change) yield change;
    else yield* changesOfKey(keyed.slice(at, end), found, rows);
  }
}

/** 0 if they are the same, field by field. */
function compareTexts(a: Fields, b: Fields): number {
  for (let place = 0; place < a.length; place++) {
    const order = compareValues(a[place] ?? null, b[place] ?? null, false);
    if (order !== 0) return order;
  }
  return 0;
}

/** Of a key with one row in each version; undefined if it has others. */
function changeOf(
  one: KeyedRow,
  other: KeyedRow,
  { found, rows }: { readonly found: HeldRows; readonly rows: ComparedRows },
): RowChange | undefined {
  const count = found.countOf(one.row);
  if (Math.abs(count) !== 1 || found.countOf(other.row) !== -count) return undefined;
  const [was, is] = count < 0 ? [one, other] : [other, one];
  const fields = ({ row }: KeyedRow) => rows.fieldsOf(found.bytesOf(row));
  return { change: 'changed', before: fields(was), after: fields(is) };
}

function* changesOfKey(
  keyed: readonly KeyedRow[],
  found: HeldRows,
  { fieldsOf }: ComparedRows,
): Generator<RowChange> {
  const fields = (row: number) => fieldsOf(found.bytesOf(row));
  for (const { row } of keyed)
    for (let i = found.countOf(row); i < 0; i++)
      yield { change: 'removed', before: fields(row), after: null };
  for (const { row } of keyed)
    for (let i = found.countOf(row); i > 0; i--) yield { change: 'added', before: null, after: fields(row) };
}
