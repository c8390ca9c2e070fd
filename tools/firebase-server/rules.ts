import type { RealtimeDatabase } from './database.ts';
import { jsonReply, Refusal, type Reply } from './reply.ts';
import type { DatabaseRequest } from './request.ts';

type Rules = Readonly<Record<string, unknown>>;

/** Gets or puts the security rules; `format=strict` leaves comments out. They are kept, not applied, but for `.indexOn`. @throws Refusal */
export function answerSettings(db: RealtimeDatabase, { method, keys, body, params }: DatabaseRequest): Reply {
  if (keys[0] !== '/.settings/rules.json') throw new Refusal(404, '404 Not Found');
  const strict = params.get('format') === 'strict';
  if (method === 'GET')
    return jsonReply([Buffer.from(strict ? JSON.stringify(parseRules(db.rules)) : db.rules)]);
  if (method !== 'PUT') throw new Refusal(405, `Method ${method} is not supported`);
  const text = body.toString();
  if (!isObject(parseRules(text)?.['rules'])) {
    throw new Refusal(400, `Error saving rules - Expected 'rules' property.\n`);
  }
  db.rules = text;
  return jsonReply([Buffer.from('{"status":"ok"}')]);
}

/** Refuses an order by a child or by value that no `.indexOn` rule of the place allows. */
export function requireIndex(rules: string, keys: readonly string[], orderBy: string): void {
  if (orderBy === '$key' || orderBy === '$priority') return;
  const name = orderBy === '$value' ? '.value' : orderBy;
  if (indexesAt(parseRules(rules)?.['rules'], keys).includes(name)) return;
  throw new Refusal(
    400,
    `Index not defined, add ".indexOn": "${name}", for path "/${keys.join('/')}", to the rules`,
  );
}

function indexesAt(rules: unknown, keys: readonly string[]): readonly unknown[] {
  const place = keys.reduce<unknown>(
    (at, key) => (isObject(at) ? (at[key] ?? wildcardOf(at)) : undefined),
    rules,
  );
  return isObject(place) ? [place['.indexOn']].flat() : [];
}

function wildcardOf(rules: Rules): unknown {
  return Object.entries(rules).find(([key]) => key.startsWith('$'))?.[1];
}

/** Rules are JSON with comments. */
function parseRules(text: string): Rules | undefined {
  const bare = text.replaceAll(
    /("(?:[^"\\]|\\.)*")|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_, quoted) => quoted ?? '',
  );
  try {
    const rules: unknown = JSON.parse(bare);
    return isObject(rules) ? rules : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Rules {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
