import { randomUUID } from 'node:crypto';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { exportBackup } from '../../../shared/jobs/restore/export.ts';
import { type RestoreJobOptions, restoreBackup } from '../../../shared/jobs/restore/restore.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { FirebaseConnection } from '../../../shared/sources/firebase-rtdb/connection/connection.ts';
import {
  connectionOptions,
  firebaseName,
  parseFirebaseOptions,
} from '../../../shared/sources/firebase-rtdb/connection/options.ts';
import { openFirebaseSource } from '../../../shared/sources/firebase-rtdb/source.ts';
import { openFirebaseTarget } from '../../../shared/sources/firebase-rtdb/target.ts';
import { startFirebaseServer } from '../../../tools/firebase-server/server.ts';
import { never } from '../repository/engine.ts';
import { seededRandom } from '../repository/rows.ts';

/** A real database, where there is one: its login comes from the environment. */
const REAL_URL = process.env['FIREBASE_TEST_DATABASE_URL'];
const env = REAL_URL === undefined ? {} : process.env;

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  set(path: string, value: unknown): Promise<void>;
  /** In export format. */
  get(path: string): Promise<unknown>;
}

/** An empty database of our own server; with FIREBASE_TEST_DATABASE_URL a path of its own in that one. */
export async function openTestDatabase(): Promise<TestDatabase> {
  if (REAL_URL === undefined) return startFirebaseServer();
  const options = parseFirebaseOptions(REAL_URL, {}, env);
  const base = [...options.base, `holdfast-test-${randomUUID()}`];
  const connection = new FirebaseConnection(connectionOptions(options, env));
  const at = (path: string) => [...base, ...path.split('/').filter((key) => key !== '')];
  const put = (path: string, value: unknown) =>
    connection.ask(
      { method: 'PUT', path: at(path), query: { print: 'silent' }, body: JSON.stringify(value) },
      () => undefined,
      never,
    );
  return {
    url: firebaseName({ ...options, base }),
    set: put,
    get: (path) =>
      connection.ask(
        { method: 'GET', path: at(path), query: { format: 'export' } },
        ({ body }) => JSON.parse(body.toString()),
        never,
      ),
    [Symbol.asyncDispose]: async () => {
      await put('/', null);
      await connection[Symbol.asyncDispose]();
    },
  };
}

export function firebaseSource(url: string, options: Readonly<Record<string, string | number>> = {}) {
  return openFirebaseSource(url, options, env);
}

export function firebaseTarget(url: string, options: Readonly<Record<string, string | number>> = {}) {
  return openFirebaseTarget(url, options, env);
}

export function backUpFirebase(
  repository: Repository,
  url: string,
  options: { readonly fullRead?: boolean; readonly source?: Readonly<Record<string, string | number>> } = {},
) {
  return runBackup(repository, firebaseSource(url, options.source), {
    type: 'daily',
    fullRead: options.fullRead ?? false,
    signal: never,
  });
}

export async function restoreFirebase(
  repository: Repository,
  url: string,
  options: Partial<RestoreJobOptions> = {},
) {
  const { key } = await latest(repository);
  return restoreBackup(repository, key, firebaseTarget(url), { signal: never, ...options });
}

export async function exportedJson(repository: Repository, path?: string): Promise<unknown> {
  const { key } = await latest(repository);
  const blocks = await Array.fromAsync(
    exportBackup(repository, key, { format: 'json', path, signal: never }),
  );
  return JSON.parse(Buffer.concat(blocks).toString('utf8'));
}

async function latest(repository: Repository) {
  const [key] = await repository.backupKeys(never);
  if (!key) throw new Error('there is no backup');
  return { key };
}

/** Data of every kind that Firebase knows, in export format. */
export function oddData(): Record<string, unknown> {
  const random = seededRandom(7);
  return {
    version: 5,
    flag: false,
    text: 'ein „Text“ mit "Zeichen", \\, \n, \u2028 und 😀',
    weighted: { '.value': 'scalar', '.priority': 'p' },
    array: [1, null, { a: [true, false] }, 'x'],
    numeric: { '0': 'a', '2': 'b', '10': 'c', '-5': 'd', '007': 'e', '4294967296': 'f', '2147483648': 'g' },
    'keys with spaces': {
      ' leading': 1,
      'a b': 2,
      é: 3,
      'e\u0301': 4,
      '😀': 5,
      '\uff5e': 6,
      "it's": 7,
      'a"b': 8,
      'a\\b': 9,
      '%2F': 10,
      'a?b&c=d': 11,
      __proto__x: 12,
    },
    floats: {
      tiny: 5e-324,
      huge: 1.7976931348623157e308,
      tenth: 0.1,
      third: 1 / 3,
      negative: -0.5,
      whole: 9007199254740991,
      big: 1e21,
    },
    priorities: {
      '.priority': 12.5,
      a: { '.value': 1, '.priority': 3 },
      b: { x: 1, '.priority': 'later' },
      c: 2,
    },
    long: { text: 'längere Zeile '.repeat(50_000) },
    deep: nested(31),
    many: Object.fromEntries(
      Array.from({ length: 3000 }, (_, i) => [`-N${i.toString(36)}`, { id: i, at: random() }]),
    ),
  };
}

/** Children `key0000`… of about so many bytes each. */
export function newChildren(count: number, bytes: number, seed: number): Record<string, unknown> {
  const random = seededRandom(seed);
  const word = () => Math.floor(random() * 36 ** 6).toString(36);
  const words = (length: number) => Array.from({ length: Math.ceil(length / 7) }, word).join(' ');
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `key${String(i).padStart(4, '0')}`,
      { id: i, text: words(bytes), at: Math.floor(random() * 1e9) },
    ]),
  );
}

/** `depth` levels of objects, the last holding a value. */
function nested(depth: number): unknown {
  return depth === 1 ? { leaf: true } : { [`level ${depth}`]: nested(depth - 1) };
}
