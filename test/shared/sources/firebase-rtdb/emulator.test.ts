import { describe, expect, it, onTestFinished } from 'vitest';
import {
  connectionOptions,
  firebaseName,
  parseFirebaseOptions,
} from '../../../../shared/sources/firebase-rtdb/connection/options.ts';
import { openFirebaseSource } from '../../../../shared/sources/firebase-rtdb/source.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { never } from '../../../support/repository/engine.ts';

const parse = (url: string, env: Record<string, string>) => parseFirebaseOptions(url, {}, env);

describe('FIREBASE_DATABASE_EMULATOR_HOST', () => {
  const env = { FIREBASE_DATABASE_EMULATOR_HOST: '127.0.0.1:9000', FIREBASE_ACCESS_TOKEN: 'real' };

  it.each([
    ['https://shop.firebaseio.com', 'http://127.0.0.1:9000/?ns=shop'],
    ['https://shop.europe-west1.firebasedatabase.app/a', 'http://127.0.0.1:9000/a?ns=shop'],
    ['http://127.0.0.1:9000/?ns=shop', 'http://127.0.0.1:9000/?ns=shop'],
  ])('%s is %s, by the login owner and no other', async (url, name) => {
    const options = parse(url, env);
    expect(firebaseName(options)).toBe(name);
    const { credentials } = connectionOptions(options, env);
    expect(await credentials.authorize(never)).toEqual({ header: 'Bearer owner' });
  });

  it('leaves other servers alone, and must be a host with its port', () => {
    expect(firebaseName(parse('http://127.0.0.1:9001/?ns=shop', env))).toBe('http://127.0.0.1:9001/?ns=shop');
    for (const host of ['http://127.0.0.1:9000', 'localhost'])
      expect(() => parse('https://shop.firebaseio.com', { FIREBASE_DATABASE_EMULATOR_HOST: host })).toThrow(
        /FIREBASE_DATABASE_EMULATOR_HOST is .*give HOST:PORT/,
      );
  });

  it('reads the database of that name', async () => {
    const server = await startFirebaseServer({ namespaces: ['other', 'shop'], tokens: ['owner'] });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const login = { authorization: 'Bearer owner' };
    await fetch(`${server.url}/only.json?ns=shop`, { method: 'PUT', body: '{"a":1}', headers: login });
    const host = { FIREBASE_DATABASE_EMULATOR_HOST: new URL(server.url).host };
    await using view = await openFirebaseSource('https://shop.firebaseio.com', {}, host).open(never);
    expect(view.datasets.map(({ name }) => name)).toContain('only');
  });
});
