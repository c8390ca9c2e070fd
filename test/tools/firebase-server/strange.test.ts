import { describe, expect, it } from 'vitest';
import type { EtagMeaning, FirebaseServerOptions } from '../../../tools/firebase-server/options.ts';
import { ask, error, send, withServer } from './client.ts';

const WANT = { headers: { 'X-Firebase-ETag': 'true' } };
const etag = async (url: string) => (await ask(url, WANT)).headers.get('etag');
const TOO_BIG = error('Data requested exceeds the maximum size that can be accessed with a single request.');

describe('exports', () => {
  it('have arrays where told to, save of nodes with a priority', () =>
    withServer({ exportArrays: true }, async (own) => {
      await own.set('/', {
        dense: ['a', { '.value': 'b', '.priority': 1 }],
        gap: { 0: 1, 2: 3 },
        sparse: { 1: 'x', 9: 'y' },
        weighted: { 0: 'a', 1: 'b', '.priority': 2 },
      });
      expect((await ask(`${own.url}/.json?format=export`)).json).toEqual({
        dense: ['a', { '.value': 'b', '.priority': 1 }],
        gap: [1, null, 3],
        sparse: { 1: 'x', 9: 'y' },
        weighted: { 0: 'a', 1: 'b', '.priority': 2 },
      });
      const page = `${own.url}/dense.json?format=export&orderBy="$key"&limitToFirst=1&startAfter="0"`;
      expect((await ask(page)).json).toEqual([null, { '.value': 'b', '.priority': 1 }]);
      expect(await own.get('/dense')).toEqual({ 0: 'a', 1: { '.value': 'b', '.priority': 1 } });
    }));
});

describe('integers', () => {
  const text =
    '{"a":9007199254740993,"b":-9223372036854775808,"c":[9223372036854775807],"d":{".value":9007199254740995,".priority":9007199254740997},"e":9007199254740991}';

  it('of 64 bits stay digit for digit where told to', () =>
    withServer({ exactIntegers: true }, async (own) => {
      expect((await ask(`${own.url}/x.json`, { method: 'PUT', body: text })).text).toBe(text);
      expect((await ask(`${own.url}/x.json?format=export`)).text).toBe(text.replace(/\[(\d+)\]/, '{"0":$1}'));
      expect((await ask(`${own.url}/x/d.json`)).text).toBe('9007199254740995');
      expect((await ask(`${own.url}/x/a.json?shallow=true`)).text).toBe('9007199254740993');
      expect((await ask(`${own.url}/x/a.json?print=pretty`)).text).toBe('9007199254740993');
      expect(await own.get('/x/a')).toBe(9007199254740993n);
      const before = await etag(`${own.url}/x.json`);
      await own.set('/x/a', 9007199254740992n);
      expect((await ask(`${own.url}/x/a.json`)).text).toBe('9007199254740992');
      expect(await etag(`${own.url}/x.json`)).not.toBe(before);
    }));

  it('become doubles where they are longer, and where nothing is said', async () => {
    await withServer({ exactIntegers: true }, async (own) => {
      expect((await ask(`${own.url}/x.json`, { method: 'PUT', body: '9223372036854775808' })).text).toBe(
        '9223372036854776000',
      );
    });
    await withServer({}, async (own) => {
      await ask(`${own.url}/x.json`, { method: 'PUT', body: '9007199254740993' });
      expect((await ask(`${own.url}/x.json`)).text).toBe('9007199254740992');
    });
  });
});

describe('shallow reads', () => {
  const DATA = { a: 1, '"a"': 2, b: 3 };
  const listAfter = async (options: FirebaseServerOptions, form: string) => {
    let answer: unknown;
    await withServer(options, async (own) => {
      await own.set('/x', DATA);
      const { status, json } = await ask(
        `${own.url}/x.json?shallow=true&limitToFirst=9&startAfter=${encodeURIComponent(form)}`,
      );
      answer = status === 200 ? Object.keys(json as object) : status;
    });
    return answer;
  };

  it('refuse other parameters where told to', () =>
    withServer({ shallowAlone: true }, async (own) => {
      await own.set('/x', DATA);
      for (const more of ['limitToFirst=1', 'startAfter=a', 'orderBy="$key"', 'format=export'])
        expect(await ask(`${own.url}/x.json?shallow=true&${more}`), more).toMatchObject({
          status: 400,
          json: error('Mixing shallow with other query parameters is not supported'),
        });
      expect((await ask(`${own.url}/x.json?shallow=true&timeout=1s`)).status).toBe(200);
    }));

  it('take startAfter with quotes, without, or in one form only', async () => {
    expect(await listAfter({}, '"a"')).toEqual(['b']);
    expect(await listAfter({}, 'a')).toEqual(['b']);
    expect(await listAfter({ shallowStartAfter: 'literal' }, '"a"')).toEqual(['a', 'b']);
    expect(await listAfter({ shallowStartAfter: 'literal' }, 'a')).toEqual(['b']);
    expect(await listAfter({ shallowStartAfter: 'quoted' }, '"a"')).toEqual(['b']);
    expect(await listAfter({ shallowStartAfter: 'quoted' }, 'a')).toBe(400);
  });
});

describe('strange ETags', () => {
  const FORMS = ['', '?format=export', '?shallow=true', '?print=silent'] as const;
  const all = (url: string) => Promise.all(FORMS.map((form) => etag(`${url}/x.json${form}`)));

  it('do not change with priorities where told to', () =>
    withServer({ etagCountsPriorities: false }, async (own) => {
      await own.set('/x', { a: { b: 1 }, c: 2 });
      const before = await all(own.url);
      await own.set('/x', { a: { b: 1, '.priority': 3 }, c: { '.value': 2, '.priority': 'p' } });
      expect(await all(own.url)).toEqual(before);
      await own.set('/x/a/b', 2);
      expect(await etag(`${own.url}/x.json`)).not.toBe(before[0]);
      expect(await etag(`${own.url}/none.json`)).toBe('null_etag');
    }));

  it('are absent on silent reads alone where told to', () =>
    withServer({ etagOfSilent: 'none' }, async (own) => {
      await own.set('/x', { a: 1 });
      const [plain, whole, shallow, silent] = await all(own.url);
      expect([whole, shallow, silent]).toEqual([plain, plain, null]);
    }));

  it('are hashes of the answer where told to: another for each form of a read', () =>
    withServer({ etagOf: 'answer', etagWithoutBody: 'answer' }, async (own) => {
      await own.set('/x', { a: { b: 1, '.priority': 2 }, flag: true });
      expect(new Set(await all(own.url)).size).toBe(4);
      await own.set('/x', { f: true });
      const [plain, whole, shallow] = await all(own.url);
      expect([whole, shallow], 'of flags, all are the same').toEqual([plain, plain]);
    }));

  it.each<[EtagMeaning, boolean, boolean]>([
    ['place', true, true],
    ['request', false, false],
  ])('of the %s say nothing of the data', (meaning, isSameLater, isSameChanged) =>
    withServer({ etagOf: meaning, etagWithoutBody: meaning }, async (own) => {
      await own.set('/x', 1);
      const before = await all(own.url);
      const later = await all(own.url);
      await own.set('/x', 2);
      const changed = await all(own.url);
      expect([later.join() === before.join(), changed.join() === before.join()]).toEqual([
        isSameLater,
        isSameChanged,
      ]);
    }),
  );

  it('are those that if-match takes', () =>
    withServer({ etagCountsPriorities: false }, async (own) => {
      await own.set('/x', { a: { '.value': 1, '.priority': 2 } });
      const tag = (await etag(`${own.url}/x.json`)) ?? '';
      expect((await send('PUT', `${own.url}/x.json`, 2, { 'if-match': tag })).status).toBe(200);
    }));
});

describe('limits of nodes', () => {
  const CHILDREN = Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`k${i}`, 'x'.repeat(100)]));
  const statuses = async (url: string) => {
    const forms = ['format=export', 'orderBy="$key"&limitToFirst=1', 'shallow=true', 'print=silent'];
    return Promise.all(forms.map(async (form) => (await ask(`${url}/x.json?${form}`)).status));
  };

  it.each<[FirebaseServerOptions, number[]]>([
    [{ maxChildren: 3 }, [400, 400, 200, 204]],
    [{ maxChildren: 3, tooBigStatus: 413, limitSilentReads: true }, [413, 413, 200, 413]],
    [{ maxChildren: 4 }, [200, 200, 200, 204]],
    [{ pagedQueryLimitBytes: 300 }, [200, 400, 200, 204]],
    [{ maxResponseBytes: 300, limitSilentReads: true }, [400, 200, 200, 400]],
  ])('refuse with %j', (options, expected) =>
    withServer(options, async (own) => {
      await own.set('/x', CHILDREN);
      expect(await statuses(own.url)).toEqual(expected);
      expect((await ask(`${own.url}/x/k1.json`)).json).toBe(CHILDREN['k1']);
    }),
  );

  it('say it as the service does', () =>
    withServer({ maxChildren: 3 }, async (own) => {
      await own.set('/x', CHILDREN);
      expect((await ask(`${own.url}/x.json`)).json).toEqual(TOO_BIG);
    }));
});

describe('redirects', () => {
  it('are given for a whole database, or for one request', () =>
    withServer(
      { namespaces: ['local'], redirects: { moved: { to: 'https://login.example', status: 302 } } },
      async (own) => {
        const asked = await fetch(`${own.url}/a.json?ns=moved`, { redirect: 'manual' });
        expect([asked.status, asked.headers.get('location')]).toEqual([
          302,
          'https://login.example/a.json?ns=moved',
        ]);
        own.fail({ kind: 'status', status: 307, location: 'https://x.example/', text: 'Go there' });
        const spoilt = await fetch(`${own.url}/a.json`, { redirect: 'manual' });
        expect([spoilt.status, spoilt.headers.get('location')]).toEqual([307, 'https://x.example/']);
        expect(await spoilt.json()).toEqual(error('Go there'));
        expect((await ask(`${own.url}/a.json`)).status).toBe(200);
      },
    ));
});

describe('silence', () => {
  it('does what was asked and never answers', () =>
    withServer({}, async (own) => {
      own.fail({ kind: 'no-answer' });
      const lost = send('PUT', `${own.url}/a.json`, 1);
      await expect.poll(() => own.get('/a')).toBe(1);
      await own[Symbol.asyncDispose]();
      await expect(lost).rejects.toThrow();
    }));
});
