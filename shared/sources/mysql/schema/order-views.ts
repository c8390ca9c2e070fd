import { quoteName } from '../text/identifiers.ts';
import type { SchemaObject } from './objects.ts';

/** Views after those that they stand on, else in their order: one that names another is taken to need it. */
export function orderViews(views: readonly SchemaObject[]): readonly SchemaObject[] {
  const ordered = new Set<SchemaObject>();
  const begun = new Set<SchemaObject>();
  const visit = (view: SchemaObject): void => {
    if (begun.has(view)) return;
    begun.add(view);
    for (const other of views) if (other !== view && view.sql.includes(quoteName(other.name))) visit(other);
    ordered.add(view);
  };
  for (const view of views) visit(view);
  return [...ordered];
}
