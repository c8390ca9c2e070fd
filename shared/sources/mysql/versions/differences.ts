import { objectName, type SchemaObject } from '../schema/objects.ts';
import { type Definition, readDefinition } from './definition.ts';
import { FACTS, isKnownTo, takesComment } from './facts.ts';
import type { Release } from './release.ts';
import type { TargetServer } from './target-server.ts';

/** What the target does otherwise than the source, or cannot do. */
export interface Differences {
  /** One sentence each. */
  readonly notices: readonly string[];
  /** Likewise: what the server refuses, so that it cannot be restored there. */
  readonly refused: readonly string[];
}

const MOST_NAMED = 5;

/** Looks through definitions for what the target does not know, before anything is written. */
export function findDifferences(
  objects: readonly SchemaObject[],
  from: Release,
  server: TargetServer,
): Differences {
  const definitions = objects.filter(({ broken }) => broken === undefined).map(readDefinition);
  const tables = definitions.filter(({ object }) => object.type === 'table');
  const notices: string[] = [];
  const refused: string[] = [];
  for (const fact of FACTS.filter((one) => !isKnownTo(one, server.release))) {
    const found = definitions.filter((definition) => fact.isIn(definition));
    if (found.length === 0) continue;
    if (fact.becomes !== undefined) notices.push(`${fact.what} ${fact.becomes}: ${show(found)}`);
    else refused.push(`${server.release.title} knows no ${fact.what}: ${show(found)}`);
  }
  for (const [word, found] of wordsOf(tables, COLLATION))
    if (!server.knowsCollation(word))
      refused.push(`${server.release.title} does not know the collation ${word}: ${show(found)}`);
  for (const [word, found] of wordsOf(tables, CHARSET))
    if (!server.knowsCharset(word))
      refused.push(`${server.release.title} does not know the character set ${word}: ${show(found)}`);
  for (const [word, found] of wordsOf(tables, ENGINE))
    if (!server.engines.has(word.toLowerCase()))
      notices.push(
        `${server.release.title} has no engine ${word}, and takes its default engine: ${show(found)}`,
      );
  return {
    refused,
    notices: [
      ...notices,
      ...passedOver(tables, server.release),
      ...contexts(objects, server),
      ...texts(objects, from, server),
    ],
  };
}

const COLLATION = /\bCOLLATE[ =]+(\w+)/g;
const CHARSET = /\b(?:CHARACTER SET|CHARSET)[ =]+(\w+)/g;
const ENGINE = /\)\s*ENGINE=(\w+)/g;

/** Which definitions have which words. */
function wordsOf(
  definitions: readonly Definition[],
  pattern: RegExp,
): ReadonlyMap<string, readonly Definition[]> {
  const found = new Map<string, Definition[]>();
  for (const definition of definitions)
    for (const word of new Set([...definition.text.matchAll(pattern)].map(([, one = '']) => one)))
      found.set(word, [...(found.get(word) ?? []), definition]);
  return found;
}

/** Nothing is lost by these. */
const HARMLESS = /^\/\*!\d+ (?:DEFAULT )?ENCRYPTION='N' \*\/$/;

function passedOver(tables: readonly Definition[], release: Release): readonly string[] {
  const found = new Map<string, Definition[]>();
  for (const definition of tables)
    for (const comment of new Set(definition.comments))
      if (!takesComment(comment, release) && !HARMLESS.test(comment) && !comment.includes('PARTITION BY'))
        found.set(comment, [...(found.get(comment) ?? []), definition]);
  return [...found].map(
    ([comment, definitions]) => `${release.title} passes over ${comment}: ${show(definitions)}`,
  );
}

/** Settings under which routines, views, triggers and events were made. */
function contexts(objects: readonly SchemaObject[], server: TargetServer): readonly string[] {
  const collations = new Set(
    objects.flatMap(({ type, collation }) => (type === 'database' || !collation ? [] : [collation])),
  );
  const modes = new Set(objects.flatMap(({ sqlMode = '' }) => sqlMode.split(',')));
  return [
    ...[...collations]
      .filter((collation) => !server.knowsCollation(collation))
      .map(
        (collation) =>
          `${server.release.title} does not know the collation ${collation}, under which routines, views, triggers or events were made: they get the default of its character set`,
      ),
    ...[...modes]
      .filter((mode) => server.unknownModes.has(mode))
      .map(
        (mode) =>
          `${server.release.title} does not know the sql_mode ${mode}, under which routines, triggers or events were made: they are made without`,
      ),
  ];
}

/** What nobody but the server itself can read. */
function texts(
  objects: readonly SchemaObject[],
  from: Release,
  { release }: TargetServer,
): readonly string[] {
  const count = objects.filter(({ type }) => !['database', 'table', 'sequence'].includes(type)).length;
  const isOther = from.product !== release.product || seriesOf(from) !== seriesOf(release);
  if (!isOther || count === 0) return [];
  return [
    `the texts of ${count} routines, views, triggers and events stay as they are: what ${release.title} does not know of the SQL of ${from.title} fails when it is made, and is named, or when it is used`,
  ];
}

function seriesOf({ number }: Release): number {
  return Math.floor(number / 100);
}

function show(definitions: readonly Definition[]): string {
  const names = definitions.map(({ object }) => objectName(object));
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
  return `${names.slice(0, MOST_NAMED).join(', ')}${more}`;
}
