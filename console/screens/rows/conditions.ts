import type { Option } from '../../ui/fields.tsx';

/** A condition on one column, as the form has it. */
export interface Condition {
  readonly column: string;
  readonly operator: Operator;
  /** Without meaning where the operator takes none. */
  readonly value: string;
}

const NAMES = {
  '=': 'is',
  '~': 'contains',
  '!=': 'is not',
  '<': 'is less than',
  '<=': 'is at most',
  '>': 'is more than',
  '>=': 'is at least',
  'is null': 'is NULL',
  'is not null': 'is not NULL',
} as const;

/** How a value is compared. */
export type Operator = keyof typeof NAMES;

/** The operators in words. */
export const OPERATORS: readonly Option[] = Object.entries(NAMES);

/** Whether the operator needs a value. */
export function takesValue(operator: Operator): boolean {
  return !operator.startsWith('is');
}

/** As the API takes it: `"email" ~ 'ada'`. */
export function conditionText({ column, operator, value }: Condition): string {
  const name = `"${column.replaceAll('"', '""')}"`;
  return takesValue(operator)
    ? `${name} ${operator} '${value.replaceAll("'", "''")}'`
    : `${name} ${operator}`;
}

/** In words: `email contains ada`. */
export function conditionWords({ column, operator, value }: Condition): string {
  return takesValue(operator) ? `${column} ${NAMES[operator]} ${value}` : `${column} ${NAMES[operator]}`;
}

/** The conditions in an address; what is none counts as nothing. */
export function conditionsOf(query: URLSearchParams): readonly Condition[] {
  return query.getAll('where').flatMap((text) => {
    const [column, operator, value] = parsed(text);
    if (typeof column !== 'string' || typeof operator !== 'string' || typeof value !== 'string') return [];
    return Object.hasOwn(NAMES, operator) ? [{ column, operator: operator as Operator, value }] : [];
  });
}

function parsed(text: string): readonly unknown[] {
  try {
    const given: unknown = JSON.parse(text);
    return Array.isArray(given) ? given : [];
  } catch {
    return [];
  }
}

/** The address with these conditions in place of its own. */
export function withConditions(query: URLSearchParams, conditions: readonly Condition[]): URLSearchParams {
  const next = new URLSearchParams(query);
  next.delete('where');
  for (const { column, operator, value } of conditions)
    next.append('where', JSON.stringify([column, operator, value]));
  return next;
}
