import type { StoredDataset } from '../../contents.ts';
import { isTableAttributes } from '../datasets/attributes.ts';
import type { TocEntry } from '../pg-dump/toc.ts';
import { quoteQualified, splitQualified } from '../text/identifiers.ts';

/** A foreign key as definitions have it. */
export interface ForeignKey {
  readonly name: string;
  /** The table that refers, quoted. */
  readonly table: string;
  /** Datasets of the table that refers and of that which is referred to; undefined for one that holds no rows of its own. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly isDeferrable: boolean;
  readonly isEnforced: boolean;
}

const FOREIGN_KEY =
  /^\s*ALTER TABLE (?:ONLY )?(.*?)\s+ADD CONSTRAINT ("(?:[^"]|"")+"|\S+) FOREIGN KEY \(.*?\) REFERENCES (.*);\s*$/s;

/** The foreign keys of a database's definitions. */
export function foreignKeysOf(
  entries: readonly TocEntry[],
  datasets: readonly StoredDataset[],
): readonly ForeignKey[] {
  const byTable = new Map(
    datasets.flatMap(({ name, attributes }) =>
      isTableAttributes(attributes) ? [[quoteQualified(attributes.schema, attributes.table), name]] : [],
    ),
  );
  return entries.flatMap(({ type, sql }) => {
    const [, table = '', constraint = '', rest = ''] =
      (type === 'FK CONSTRAINT' ? FOREIGN_KEY.exec(sql) : null) ?? [];
    if (table === '') return [];
    const [own, other] = [quoted(table), quoted(rest)];
    return {
      name: splitQualified(constraint).names[0] ?? '',
      table: own,
      from: byTable.get(own),
      to: byTable.get(other),
      isDeferrable: /(?<!NOT) DEFERRABLE/.test(rest),
      isEnforced: !/ NOT ENFORCED/.test(rest),
    };
  });
}

function quoted(text: string): string {
  const [schema = '', table = ''] = splitQualified(text).names;
  return quoteQualified(schema, table);
}

/** Names of datasets, those that refer before those that they refer to; of a circle, whichever comes first. */
export function referringFirst(
  names: readonly string[],
  keys: readonly Pick<ForeignKey, 'from' | 'to'>[],
): readonly string[] {
  const ordered: string[] = [];
  let left = [...names];
  while (left.length > 0) {
    const waiting = new Set(left);
    const isReferredTo = (name: string) =>
      keys.some(({ from, to }) => to === name && from !== name && from !== undefined && waiting.has(from));
    const free = left.filter((name) => !isReferredTo(name));
    const next = free.length > 0 ? free : left.slice(0, 1);
    ordered.push(...next);
    left = left.filter((name) => !next.includes(name));
  }
  return ordered;
}
