import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import * as z from 'zod';

interface Detail {
  readonly type: 'object';
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, object>>;
}

const DETAILS: Readonly<Record<string, Detail>> = JSON.parse(
  readFileSync('docs/reference/events.schema.json', 'utf8'),
).$defs;
const SCHEMAS = new Map(
  Object.entries(DETAILS).map(([type, detail]) => [
    type,
    // Others may add members; ours are all documented.
    z.fromJSONSchema({ ...detail, additionalProperties: false } as never),
  ]),
);

export const DOCUMENTED_TYPES = Object.keys(DETAILS);

/** What is wrong with an event, by docs/reference/events.schema.json; nothing, mostly. */
export function eventProblems({
  type,
  detail,
}: {
  readonly type: string;
  readonly detail: unknown;
}): string[] {
  const schema = SCHEMAS.get(type);
  if (!schema) return [`${type} is not documented`];
  const { error } = schema.safeParse(detail);
  return error ? error.issues.map(({ path, message }) => `${type} ${path.join('.')}: ${message}`) : [];
}

export function expectDocumented(
  events: readonly { readonly type: string; readonly detail: unknown }[],
): void {
  expect(events.flatMap(eventProblems)).toEqual([]);
}
