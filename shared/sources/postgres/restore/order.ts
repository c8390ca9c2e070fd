import type { StoredDataset } from '../../contents.ts';
import {
  type ForeignKeyAttributes,
  isTableAttributes,
  type TableAttributes,
} from '../datasets/attributes.ts';
import { quoteIdent, quoteQualified } from '../text/identifiers.ts';

/** Tables whose rows can be written once those of the steps before are there. */
export interface RowStep {
  readonly datasets: readonly StoredDataset[];
  /** They refer to each other, or one to itself: all in one transaction, between these statements. */
  readonly linked?: { readonly before: string; readonly after: string };
}

/**
 * Orders tables by the foreign keys that are there before their rows are: those of an extension's configuration, which
 * CREATE EXTENSION makes. All other keys are made after the rows.
 */
export function orderByKeys(datasets: readonly StoredDataset[]): readonly RowStep[] {
  const steps: RowStep[] = [];
  let left = datasets.filter((dataset) => keysOf(dataset).length > 0);
  const others = datasets.filter((dataset) => !left.includes(dataset));
  steps.push({ datasets: others });
  while (left.length > 0) {
    const waiting = new Set(left.map(({ name }) => name));
    const ready = left.filter((dataset) => !keysOf(dataset).some(({ table }) => waiting.has(table)));
    if (ready.length === 0) return [...steps, { datasets: left, linked: deferKeys(left, waiting) }];
    steps.push({ datasets: ready });
    left = left.filter((dataset) => !ready.includes(dataset));
  }
  return steps;
}

function keysOf({ attributes }: StoredDataset): readonly ForeignKeyAttributes[] {
  return (isTableAttributes(attributes) && attributes.foreignKeys) || [];
}

/** The owner of a table may have its keys checked at the end of a transaction; needs no superuser. */
function deferKeys(
  datasets: readonly StoredDataset[],
  names: ReadonlySet<string>,
): NonNullable<RowStep['linked']> {
  const alter = (how: string) =>
    datasets.flatMap((dataset) => {
      const { schema, table } = dataset.attributes as TableAttributes;
      return keysOf(dataset)
        .filter((key) => !key.deferrable && names.has(key.table))
        .map(
          ({ name }) =>
            `ALTER TABLE ${quoteQualified(schema, table)} ALTER CONSTRAINT ${quoteIdent(name)} ${how};`,
        );
    });
  const lines = (statements: readonly string[]) => statements.map((statement) => `${statement}\n`).join('');
  return {
    before: lines(['BEGIN;', ...alter('DEFERRABLE'), 'SET CONSTRAINTS ALL DEFERRED;']),
    after: lines(['SET CONSTRAINTS ALL IMMEDIATE;', ...alter('NOT DEFERRABLE'), 'COMMIT;']),
  };
}
