import { HoldfastError } from '../../core/errors.ts';
import type { Fields } from '../../sources/rows.ts';
import type { ColumnFacts, TableFacts } from '../../sources/table-facts.ts';
import { parseCondition, type RowTest } from '../inside/conditions.ts';
import type { Decision } from './decisions.ts';
import type { Keyed } from './keyed.ts';
import { canonical, type Mask, type MaskedRow } from './mask-function.ts';

interface MaskedColumn {
  readonly place: number;
  readonly mask: Mask;
  readonly column: ColumnFacts;
  readonly isWanted: RowTest;
}

/** Masks the records of a table. */
export class RowMasker {
  readonly #facts: TableFacts;
  readonly #columns: readonly MaskedColumn[];
  readonly #hasConditions: boolean;

  /** @throws E_USAGE for a condition that cannot be */
  constructor(facts: TableFacts, decisions: readonly Decision[], keyed: Keyed) {
    this.#facts = facts;
    const key = facts.keys.find(({ isPrimary }) => isPrimary)?.parts ?? [];
    const placeOf = (name: string) => facts.columns.findIndex((column) => column.name === name);
    const keyPlaces = key.map(({ column }) => placeOf(column)).filter((place) => place >= 0);
    const masked = decisions.flatMap((decision) => {
      const { place, column, limits, rule, function: of } = decision;
      if (!of) return [];
      const by = 'by' in rule && rule.by !== undefined ? [placeOf(rule.by)] : keyPlaces;
      const mask = of.make({ keyed, column: limits, rowPlaces: by });
      return [{ place, mask, column, isWanted: conditionOf(decision, facts) }];
    });
    this.#columns = masked;
    this.#hasConditions = decisions.some(({ rule }) => 'when' in rule && (rule.when || rule.unless));
  }

  /** Whether any value changes. */
  get isNeeded(): boolean {
    return this.#columns.length > 0;
  }

  /** The record with its values masked; without a newline, like what comes in. @throws E_DAMAGED */
  mask(record: Uint8Array): Uint8Array {
    const { codec, columns } = this.#facts;
    const fields = codec.split(record);
    if (fields.length !== columns.length)
      throw new HoldfastError(
        'E_DAMAGED',
        `a record of ${this.#facts.dataset} has ${fields.length} values, not ${columns.length}`,
      );
    const before = [...fields];
    const texts: Fields = this.#hasConditions ? before.map((field, place) => codec.textOf(field, place)) : [];
    const row = this.#rowOf(before);
    for (const { place, mask, column, isWanted } of this.#columns) {
      const value = codec.textOf(before[place] as Uint8Array, place);
      if (value === null || !isWanted(texts)) continue;
      const made = mask(value, row);
      fields[place] = made === null ? codec.nothing : codec.bytesOf(filled(made, column), place);
    }
    return joined(fields, codec.separator);
  }

  #rowOf(before: readonly Uint8Array[]): MaskedRow {
    const { codec, columns } = this.#facts;
    return {
      seed: (places, value) => {
        if (places.length === 0) return value;
        const texts = places.map((place) => {
          const text = codec.textOf(before[place] as Uint8Array, place);
          return text === null ? '\0' : canonical(text, columns[place] as ColumnFacts);
        });
        return texts.join('\0');
      },
    };
  }
}

function conditionOf({ rule }: Decision, { columns }: TableFacts): RowTest {
  const shown = columns.map(({ name, type, kind }) => ({
    name,
    type,
    isNumber: kind === 'integer' || kind === 'decimal' || kind === 'float',
  }));
  const { when = [], unless = [] } = 'when' in rule || 'unless' in rule ? rule : {};
  const all = when.map((text) => parseCondition(text, shown));
  const none = unless.map((text) => parseCondition(text, shown));
  return (fields) => all.every((test) => test(fields)) && !none.some((test) => test(fields));
}

/** As the database writes it out. */
function filled(text: string, { isPadded, most, kind }: ColumnFacts): string {
  if (!isPadded || most === undefined) return text;
  return kind === 'bytes' ? text.padEnd(2 * most, '0') : text.padEnd(most);
}

function joined(fields: readonly Uint8Array[], separator: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(fields.reduce((sum, field) => sum + field.length + 1, 0));
  let at = 0;
  for (const field of fields) {
    bytes.set(field, at);
    at += field.length;
    bytes[at++] = separator;
  }
  return bytes.subarray(0, Math.max(0, at - 1));
}
