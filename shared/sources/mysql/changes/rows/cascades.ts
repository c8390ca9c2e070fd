import type { RowChangeOfStream } from '../../../changes.ts';
import type { BackupContents } from '../../../contents.ts';
import { isTableAttributes } from '../../datasets/attributes.ts';
import { foreignKeysOf } from '../../facts/foreign-keys.ts';
import { readStoredSchema } from '../../schema/stored.ts';

/** A foreign key by which rows change along with those that they refer to. The server does that without logging it. */
interface Cascade {
  /** The dataset whose rows change along. */
  readonly child: string;
  readonly columns: readonly string[];
  readonly to: readonly string[];
  readonly onDelete: Action;
  readonly onUpdate: Action;
}

type Action = 'delete' | 'update' | 'none';
type What = Exclude<Action, 'none'>;

interface Step {
  readonly dataset: string;
  readonly what: What;
  readonly isChanged: (column: string) => boolean;
}

/** Which tables change along with others, by the definitions of a backup. */
export class Cascades {
  /** By the dataset that is referred to. */
  readonly #of = new Map<string, Cascade[]>();

  static async read(contents: BackupContents, signal: AbortSignal): Promise<Cascades> {
    const cascades = new Cascades();
    const objects = await readStoredSchema(contents, signal);
    const created = new Map(
      objects.filter(({ type }) => type === 'table').map(({ name, sql }) => [name, sql]),
    );
    for (const { name: child, attributes } of contents.datasets) {
      if (!isTableAttributes(attributes)) continue;
      for (const { table, columns, to, actions } of foreignKeysOf(created.get(attributes.table) ?? '')) {
        const [onDelete, onUpdate] = [actionOn('DELETE', actions), actionOn('UPDATE', actions)];
        if (table === undefined || (onDelete === 'none' && onUpdate === 'none')) continue;
        cascades.#add(table, { child, columns, to, onDelete, onUpdate });
      }
    }
    return cascades;
  }

  #add(table: string, cascade: Cascade): void {
    const known = this.#of.get(table);
    if (known) known.push(cascade);
    else this.#of.set(table, [cascade]);
  }

  /** Datasets whose rows may change along with a row of a table. @param isChanged whether an update changed a column */
  after(dataset: string, what: What, isChanged: (column: string) => boolean): ReadonlySet<string> {
    const found = new Set<string>();
    this.#follow({ dataset, what, isChanged }, { found, seen: new Set() });
    return found;
  }

  #follow(
    { dataset, what, isChanged }: Step,
    to: { readonly found: Set<string>; readonly seen: Set<string> },
  ): void {
    for (const cascade of this.#of.get(dataset) ?? []) {
      const { child, columns } = cascade;
      const next = actionOf(cascade, what, isChanged);
      if (next === 'none') continue;
      to.found.add(child);
      const step = `${child} ${next} ${columns.join()}`;
      if (to.seen.has(step)) continue;
      to.seen.add(step);
      this.#follow({ dataset: child, what: next, isChanged: (column) => columns.includes(column) }, to);
    }
  }

  /** Whether nothing changes along with rows of a table. */
  isFree(dataset: string): boolean {
    return !this.#of.has(dataset);
  }
}

function actionOf({ to, onDelete, onUpdate }: Cascade, what: What, isChanged: Step['isChanged']): Action {
  if (what === 'delete') return onDelete;
  return to.some(isChanged) ? onUpdate : 'none';
}

function actionOn(event: 'DELETE' | 'UPDATE', actions: string): Action {
  const [, action] = new RegExp(`\\bON ${event} (CASCADE|SET NULL)\\b`, 'i').exec(actions) ?? [];
  if (action === undefined) return 'none';
  return event === 'DELETE' && action.toUpperCase() === 'CASCADE' ? 'delete' : 'update';
}

/** Whether two rows differ in a column. */
export function isChangedIn(
  columns: readonly string[],
  before: RowChangeOfStream['before'],
  after: RowChangeOfStream['before'],
): (column: string) => boolean {
  return (column) => {
    const place = columns.indexOf(column);
    return place < 0 || before?.[place] !== after?.[place];
  };
}
