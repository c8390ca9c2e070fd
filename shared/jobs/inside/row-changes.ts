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

function keyText(text: string, { key, fieldsOf }: RowTexts): string {
  if (key.length === 0) return text;
  const fields = fieldsOf(text);
  return JSON.stringify(key.map((place) => fields[place] ?? null));
}

function changesOf(found: ReadonlyMap<string, number>, texts: RowTexts): readonly RowChange[] {
  const byKey = new Map<string, { readonly before: Fields[]; readonly after: Fields[] }>();
  for (const [text, count] of found) {
    const fields = texts.fieldsOf(text);
    const key = keyText(text, texts);
    const rows = byKey.get(key) ?? { before: [], after: [] };
    byKey.set(key, rows);
    for (let i = Math.abs(count); i > 0; i--) rows[count < 0 ? 'before' : 'after'].push(fields);
  }
  const changes = [...byKey.values()].flatMap(({ before, after }): RowChange[] => {
    const [was = null, is = null] = [before[0], after[0]];
    if (was && is && before.length === 1 && after.length === 1)
      return [{ change: 'changed', before: was, after: is }];
    return [
      ...before.map((row) => ({ change: 'removed' as const, before: row, after: null })),
      ...after.map((row) => ({ change: 'added' as const, before: null, after: row })),
    ];
  });
  const order = compareFields(texts.columns, texts.key);
  return changes.toSorted((a, b) => order(a.before ?? a.after ?? [], b.before ?? b.after ?? []));
}
