import * as z from 'zod';
import { type Statement, statementsOf, type Token } from './statements.ts';
import { unseenValues } from './unseen-values.ts';

const Noted = z.object({
  xid: z.string(),
  /** As the server names the kind of statement: `ALTER TABLE`. */
  tag: z.string(),
  publication: z.string(),
  /** What the client sent; null if that is too long to be noted. */
  sql: z.string().nullable(),
  /** What called it, as the server describes it, innermost first; empty if the client sent it itself. */
  stack: z.string(),
  objects: z.array(
    z.object({
      type: z.string().nullable(),
      name: z.string().nullable(),
      tag: z.string().optional(),
      isStreamed: z.boolean().nullable().optional(),
      hasDefaults: z.boolean().nullable().optional(),
    }),
  ),
  settings: z.record(z.string(), z.string()),
});
/** A statement that changed definitions, as the event trigger notes it. */
export type Noted = Readonly<z.infer<typeof Noted>>;

/** @returns undefined for what no trigger of ours wrote */
export function parseNoted(text: string): Noted | undefined {
  try {
    return Noted.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** A statement that a replay runs where it comes in the stream. */
export interface Definition {
  readonly tag: string;
  readonly sql: string;
  /** Of the session that ran it. */
  readonly settings: Readonly<Record<string, string>>;
}

/** What a statement means for a replay: `nothing`, or why it cannot get past it. */
export type Meaning =
  | { readonly kind: 'run'; readonly definition: Definition }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'problem'; readonly why: string };

/** They change no rows and no definitions that a restore has. */
const NOTHING =
  /^(?:REINDEX|REFRESH MATERIALIZED VIEW|(?:CREATE|ALTER|DROP) (?:PUBLICATION|SUBSCRIPTION|SERVER|USER MAPPING|FOREIGN DATA WRAPPER|EVENT TRIGGER))$/;
/** Their rows are not in the stream, or they depend on what only the source has. */
const NOT_AGAIN =
  /^(?:CREATE TABLE AS|SELECT INTO|IMPORT FOREIGN SCHEMA|(?:CREATE|ALTER|DROP) FOREIGN TABLE|DROP OWNED|REASSIGN OWNED)$/;

/** Tells what statements of one transaction mean, in their order. */
export class Definitions {
  /** Of texts with several statements, those that were met. */
  readonly #met = new Map<string, Set<Statement>>();
  readonly #split = new Map<string, readonly Statement[]>();

  read(noted: Noted): Meaning {
    const { tag, objects, settings } = noted;
    if (NOTHING.test(tag) && tag !== 'ALTER PUBLICATION') return { kind: 'nothing' };
    const found = NOT_AGAIN.test(tag) ? 'its rows are not in the stream' : this.#find(noted);
    if (typeof found === 'string') return problem(noted, found);
    if (tag === 'ALTER PUBLICATION')
      return found.tokens.some(({ value }) => value === noted.publication)
        ? problem(noted, 'the publication was changed')
        : { kind: 'nothing' };
    if (objects.some(({ isStreamed }) => isStreamed === false))
      return problem(noted, 'rows of a new table are not in the stream');
    const hasDefaults = objects.some((object) => object.hasDefaults === true);
    const unseen = tag === 'ALTER TABLE' ? unseenValues(found.tokens, hasDefaults) : undefined;
    if (unseen !== undefined) return problem(noted, unseen);
    return { kind: 'run', definition: { tag, sql: withoutConcurrently(found), settings } };
  }

  /** The statement that did it, or why that is not known. */
  #find(noted: Noted): Statement | string {
    if (noted.settings['standard_conforming_strings'] === 'off') return 'standard_conforming_strings was off';
    const text = noted.stack === '' ? noted.sql : innermost(noted.stack);
    if (text === null) return 'the text that was sent is too long';
    if (text === undefined) return 'a function ran it whose text is not known';
    if (/\bbegin\s+atomic\b/i.test(text)) return 'it has a body of several statements';
    const all = this.#split.get(text) ?? statementsOf(text);
    this.#split.set(text, all);
    const fitting = all.filter(({ tokens }) => hasTag(tokens, noted.tag));
    const [only] = fitting;
    if (!only) return 'the text that was sent does not have it';
    if (all.length === 1) return only;
    return this.#choose(text, fitting.filter(namesOneOf(noted)));
  }

  /** Of several, they come in their order, unless one of them may have been passed over. */
  #choose(text: string, fitting: readonly Statement[]): Statement | string {
    const met = this.#met.get(text) ?? new Set();
    this.#met.set(text, met);
    const left = fitting.filter((statement) => !met.has(statement));
    const isSure =
      left.length === 1 || !left.some(({ tokens }) => tokens.some(({ value }) => value === 'if'));
    const [next] = left;
    if (!next || !isSure) return 'the text that was sent has several such statements';
    met.add(next);
    return next;
  }
}

function problem({ tag, objects }: Noted, why: string): Meaning {
  const named = objects.find(({ name }) => name !== null)?.name;
  return { kind: 'problem', why: `${tag}${named ? ` (${named})` : ''}: ${why}` };
}

const STATEMENT = 'SQL statement "';

/** The statement that a function ran, of the description of what was running. Undefined if it is not said. */
function innermost(stack: string): string | undefined {
  if (!stack.startsWith(STATEMENT)) return undefined;
  const end = /"\nPL\/pgSQL function /.exec(stack)?.index;
  return end === undefined ? undefined : stack.slice(STATEMENT.length, end);
}

/** Words between those of the tag. */
const BETWEEN = new Set(
  'or replace temp temporary unlogged global local unique recursive constraint trusted procedural'.split(' '),
);

function hasTag(tokens: readonly Token[], tag: string): boolean {
  const wanted = tag.toLowerCase().split(' ');
  let at = 0;
  for (const { kind, value } of tokens) {
    if (kind !== 'word') return false;
    if (value === wanted[at]) at++;
    else if (at === 0 || !BETWEEN.has(value)) return false;
    if (at === wanted.length) return true;
  }
  return false;
}

/** Whether a statement has the name of an object that it made or changed; without any name, each may. */
function namesOneOf({ objects }: Noted): (statement: Statement) => boolean {
  const names = objects.flatMap(({ name }) => (name === null ? [] : [lastNames(name)]));
  return ({ tokens }) =>
    names.length === 0 ||
    names.some((one) => one.every((name) => tokens.some(({ value }) => value === name)));
}

/** Of `public."a.b"`, `f` of `public.f(integer)`, `t` and `r` of `r on public.t`: without schemas. */
function lastNames(identity: string): readonly string[] {
  const [{ tokens } = { tokens: [] }] = statementsOf(identity);
  const end = tokens.findIndex(({ kind, value }) => kind === 'sign' && value === '(');
  return tokens.slice(0, end < 0 ? undefined : end).flatMap(({ kind, value }, i) => {
    const next = tokens[i + 1];
    const isSchema = next?.kind === 'sign' && next.value === '.';
    return (kind === 'word' || kind === 'name') && !isSchema && value !== 'on' ? [value] : [];
  });
}

/** It cannot be done within a transaction, and nobody else is in a database that is being restored. */
function withoutConcurrently({ sql, tokens }: Statement): string {
  const start = tokens[0]?.start ?? 0;
  const word = tokens.slice(0, 8).find(({ kind, value }) => kind === 'word' && value === 'concurrently');
  return word ? sql.slice(0, word.start - start) + sql.slice(word.end - start) : sql;
}
