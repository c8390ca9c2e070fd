import { MiB } from '../../core/units.ts';
import { type Fields, recordsIn, wholeRecords } from '../../sources/rows.ts';
import { compareFields } from './compare-values.ts';
import { isDivisible, isInPart, type KeyPart, partsOf, WHOLE } from './key-parts.ts';
import type { RowTexts } from './row-texts.ts';

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
}

/** Rows of one version without their like in the other that are held at once. */
const MOST_HELD_BYTES = 64 * MiB;
/** What a row takes besides its text. */
const ROW_BYTES = 100;

/**
 * The rows that two versions do not have in common, by key; without a key, each as often as it is more often in one. Both are
 * read side by side, and rows that are in both forgotten: what is held is what differs. If that is too much, it is done again for a
 * part of the keys at a time, each part in the order of its keys.
 *
 * @param most bytes of rows to hold
 * @throws what reading throws
 */
export async function* rowChanges(
  versions: TwoVersions,
  texts: RowTexts,
  most: number = MOST_HELD_BYTES,
  part: KeyPart = WHOLE,
): AsyncGenerator<RowChange> {
  const found = await unmatched(versions, texts, { most, part });
  if (found) {
    yield* changesOf(found, texts);
    return;
  }
  for (const smaller of partsOf(part)) yield* rowChanges(versions, texts, most, smaller);
}

/** Rows, and how much more often they are in the later version than in the earlier; undefined if they are too many. */
async function unmatched(
  versions: TwoVersions,
  texts: RowTexts,
  { most, part }: { readonly most: number; readonly part: KeyPart },
): Promise<ReadonlyMap<string, number> | undefined> {
  const held = new HeldRows();
  for await (const { block, step } of sideBySide(versions)) {
    for (const record of recordsIn(block)) {
      const text = step < 0 ? texts.before(record) : texts.after(record);
      if (part.of === 1 || isInPart(keyText(text, texts), part)) held.take(text, step);
    }
    if (held.bytes > most && isDivisible(part)) return undefined;
  }
  return held.counts;
}

class HeldRows {
  readonly counts = new Map<string, number>();
  bytes = 0;

  take(text: string, step: Step['step']): void {
    const known = this.counts.get(text) ?? 0;
    if (known === 0) this.bytes += text.length + ROW_BYTES;
    if (known !== -step) {
      this.counts.set(text, known + step);
      return;
    }
    this.counts.delete(text);
    this.bytes -= text.length + ROW_BYTES;
  }
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

function keyText(text: string, texts: RowTexts): string {
  return texts.key.length === 0 ? text : JSON.stringify(keyOf(texts.fieldsOf(text), texts));
}

/** All fields if rows have no key. */
function keyOf(fields: Fields, { key }: RowTexts): Fields {
  return key.length === 0 ? fields : key.map((place) => fields[place] ?? null);
}

/** Texts of rows of one key, each as often as it is there. */
interface RowsOfKey {
  readonly key: Fields;
  readonly before: string[];
  readonly after: string[];
}

/** In the order of their keys. Of rows only the texts are held until their turn: fields take several times as much. */
function* changesOf(found: ReadonlyMap<string, number>, texts: RowTexts): Generator<RowChange> {
  const byKey = new Map<string, RowsOfKey>();
  for (const [text, count] of found) {
    const key = keyOf(texts.fieldsOf(text), texts);
    const name = texts.key.length === 0 ? text : JSON.stringify(key);
    const rows = byKey.get(name) ?? { key, before: [], after: [] };
    byKey.set(name, rows);
    for (let i = Math.abs(count); i > 0; i--) rows[count < 0 ? 'before' : 'after'].push(text);
  }
  const { columns, key } = texts;
  const keyColumns = key.length === 0 ? columns : key.flatMap((place) => columns[place] ?? []);
  const order = compareFields(keyColumns);
  for (const rows of [...byKey.values()].sort((a, b) => order(a.key, b.key)))
    yield* changesOfKey(rows, texts);
}

function* changesOfKey({ before, after }: RowsOfKey, { fieldsOf }: RowTexts): Generator<RowChange> {
  const [was, is] = [before[0], after[0]];
  if (was !== undefined && is !== undefined && before.length === 1 && after.length === 1) {
    yield { change: 'changed', before: fieldsOf(was), after: fieldsOf(is) };
    return;
  }
  for (const row of before) yield { change: 'removed', before: fieldsOf(row), after: null };
  for (const row of after) yield { change: 'added', before: null, after: fieldsOf(row) };
}
