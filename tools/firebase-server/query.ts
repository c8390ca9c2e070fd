import {
  endAt,
  endBefore,
  equalTo,
  limitToFirst,
  limitToLast,
  orderByChild,
  orderByKey,
  orderByPriority,
  orderByValue,
  type QueryConstraint,
  query,
  startAfter,
  startAt,
} from '@firebase/database';
import { type Node, queryBase, runQuery } from './engine.ts';
import type { FirebaseServerOptions } from './options.ts';
import { Refusal } from './reply.ts';

type Scalar = string | number | boolean | null;

const RANGES = { startAt, startAfter, endAt, endBefore, equalTo } as const;
const LIMITS = { limitToFirst, limitToLast } as const;
const RANGE_NAMES = Object.keys(RANGES) as (keyof typeof RANGES)[];
const LIMIT_NAMES = Object.keys(LIMITS) as (keyof typeof LIMITS)[];
/** Parameters that make a request a query. */
export const QUERY_NAMES: readonly string[] = ['orderBy', ...RANGE_NAMES, ...LIMIT_NAMES];

/** A query as the parameters of a request ask for it; Google's client holds its meaning. */
export interface ParsedQuery {
  /** `$key`, `$value`, `$priority` or the path of a child. */
  readonly orderBy: string;
  readonly constraints: readonly QueryConstraint[];
}

/** @returns undefined if the request asks for no query. @throws Refusal */
export function parseQuery(params: URLSearchParams): ParsedQuery | undefined {
  if (!QUERY_NAMES.some((name) => params.has(name))) return undefined;
  const orderBy = parseOrderBy(params.get('orderBy'));
  const ranges = RANGE_NAMES.filter((name) => params.has(name)).map((name) =>
    RANGES[name](scalarOf(params.get(name) ?? '', orderBy)),
  );
  const limits = LIMIT_NAMES.filter((name) => params.has(name)).map((name) =>
    LIMITS[name](limitOf(params.get(name))),
  );
  if (limits.length > 1) throw new Refusal(400, 'limitToFirst and limitToLast can not both be specified');
  return { orderBy, constraints: [order(orderBy), ...ranges, ...limits] };
}

/** Children that match, as a node. @throws Refusal for what Google's client calls no valid query */
export function answerQuery(node: Node, { constraints }: ParsedQuery): Node {
  try {
    return runQuery(node, query(queryBase, ...constraints));
  } catch (error) {
    throw error instanceof Error ? new Refusal(400, error.message) : error;
  }
}

/** First keys of a node, as Google's own command line asks: `shallow=true&limitToFirst=…&startAfter=…`. @throws Refusal */
export function keyQuery(
  params: URLSearchParams,
  form: FirebaseServerOptions['shallowStartAfter'] = 'either',
): ParsedQuery | undefined {
  const after = params.get('startAfter');
  const limit = params.get('limitToFirst');
  if (after === null && limit === null) return undefined;
  const range = after === null ? [] : [startAfter(keyOf(after, form))];
  return {
    orderBy: '$key',
    constraints: [orderByKey(), ...range, ...(limit === null ? [] : [limitToFirst(limitOf(limit))])],
  };
}

function parseOrderBy(text: string | null): string {
  if (text === null)
    throw new Refusal(400, 'orderBy must be defined when other query parameters are defined');
  const orderBy = parseJson(text);
  if (typeof orderBy === 'string' && orderBy !== '') return orderBy;
  throw new Refusal(400, 'orderBy must be a valid JSON encoded path');
}

function order(orderBy: string): QueryConstraint {
  if (orderBy === '$key') return orderByKey();
  if (orderBy === '$value') return orderByValue();
  if (orderBy === '$priority') return orderByPriority();
  try {
    return orderByChild(orderBy);
  } catch {
    throw new Refusal(400, 'orderBy must be a valid JSON encoded path');
  }
}

function scalarOf(text: string, orderBy: string): Scalar {
  const value = parseJson(text);
  if (value === undefined || (typeof value === 'object' && value !== null)) {
    throw new Refusal(400, 'Constraint index field must be a JSON primitive');
  }
  if (orderBy === '$key' && typeof value !== 'string') {
    throw new Refusal(400, 'Provided key index type is invalid, must be string');
  }
  return value as Scalar;
}

function limitOf(text: string | null): number {
  const limit = Number(text);
  if (text && Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new Refusal(400, 'limitToFirst and limitToLast must be positive integers');
}

function keyOf(text: string, form: FirebaseServerOptions['shallowStartAfter']): string {
  const value = form === 'literal' ? text : parseJson(text);
  if (typeof value === 'string') return value;
  if (form === 'quoted') throw new Refusal(400, 'Constraint index field must be a JSON primitive');
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
