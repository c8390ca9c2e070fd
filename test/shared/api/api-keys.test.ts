import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { expect } from 'vitest';
import { adminFetch } from '../../../shared/api/express.ts';
import { HoldfastError } from '../../../shared/core/errors.ts';
import { createApiKey, readApiKeys } from '../../../shared/jobs/access/api-keys.ts';
import { quarantineObject } from '../../../shared/jobs/repair/quarantine.ts';
import { ask } from '../../support/api.ts';
import { apiKeysWorld } from '../../support/api-keys.ts';
import { documentAt, newKey, signed } from '../../support/repository/by-hand.ts';
import { never, openRepository, TEST_KEY } from '../../support/repository/engine.ts';
import { makeSigning } from '../../support/repository/signing.ts';
import { turns } from '../../support/repository/torture.ts';
import { newFolder } from '../../support/temporary.ts';

const it = turns(3);

type World = Awaited<ReturnType<typeof apiKeysWorld>>;

const world = async () => apiKeysWorld(await newFolder());
const VIEWER = { name: 'ci', roles: ['viewer'] };

/** The keys of all objects below a folder. */
async function keysBelow({ store }: Pick<World, 'store'>, folder: string): Promise<string[]> {
  return (await Array.fromAsync(store.list(folder))).map(({ key }) => key);
}

/** Other bytes in the place of an object, as who may write to the bucket can put them. */
async function change({ store }: Pick<World, 'store'>, key: string, by: (bytes: Buffer) => Buffer) {
  const bytes = Buffer.from(await store.get(key));
  await store.delete(key);
  await store.put(key, by(bytes));
  return bytes;
}

/** A key of docs/reference/api.md, made by nothing of ours. */
function tokenByHand(id = 'c0c0c0c0') {
  const body = `hf_${id}_${randomBytes(32).toString('hex')}`;
  const token = body + crc32(body).toString(16).padStart(8, '0');
  return { id, token, hash: createHash('sha256').update(token).digest('hex') };
}

it('are told once, have a form that scanners know, and leave nothing but a hash', async () => {
  const { make, send, store } = await world();
  const { token, key } = await make({ ...VIEWER, roles: ['viewer', 'operator'], sources: ['shop'] });
  expect(token).toMatch(/^hf_[0-9a-f]{8}_[0-9a-f]{72}$/);
  expect(Number.parseInt(token.slice(-8), 16)).toBe(crc32(token.slice(0, -8)));
  expect(key).toMatchObject({
    name: 'ci',
    roles: ['viewer', 'operator'],
    sources: ['shop'],
    createdBy: 'ana',
  });
  expect((await send('GET', '/status', { as: token })).status).toBe(200);
  const { json, text } = await send('GET', '/api-keys');
  expect(json).toEqual({ keys: [{ ...key, lastUsedOn: key.createdAt.slice(0, 10) }], problems: [] });
  const secret = token.slice(12, -8);
  expect(text).not.toContain(secret);
  const [path = ''] = await keysBelow({ store }, 'reports/apikey/');
  const { body } = await documentAt(store, path);
  expect(body).toMatchObject({ id: key.id, hash: createHash('sha256').update(token).digest('hex') });
  for await (const { key: name } of store.list('')) {
    expect(name).not.toContain(secret);
    expect(Buffer.from(await store.get(name)).toString('latin1')).not.toContain(secret);
  }
});

it('are refused if they are mistyped, cut off, unknown or of another secret, each with its words', async () => {
  const { make, send, errors } = await world();
  const { token, key } = await make(VIEWER);
  const refused = async (as: string, detail: string) => {
    const { status, json, text } = await send('GET', '/status', { as });
    expect([status, json.code, json.detail]).toEqual([401, 'E_UNAUTHENTICATED', detail]);
    if (as.length > 12) expect(text).not.toContain(as.slice(12, 76));
  };
  const mistyped = 'this is not an API key: it was cut off or mistyped';
  for (let at = 3; at < token.length; at++) {
    const other = token[at] === '1' ? '2' : '1';
    await refused(token.slice(0, at) + other + token.slice(at + 1), mistyped);
  }
  for (const bad of ['hf_', token.slice(0, -1), `${token}0`, token.toUpperCase().replace('HF_', 'hf_')])
    await refused(bad, mistyped);
  await refused(tokenByHand().token, 'there is no such API key');
  await refused(tokenByHand(key.id).token, 'there is no such API key');
  expect((await send('GET', '/status', { as: token })).status).toBe(200);
  expect(errors).toEqual([]);
});

it('cannot be had by who may write to the store without its key', async () => {
  const own = await world();
  const { store, send, pass } = own;
  const { token, key } = await own.make(VIEWER);
  const [made = ''] = await keysBelow(own, 'reports/apikey/');
  const tried = async (as: string) => {
    pass(60_000);
    return (await send('GET', '/status', { as })).status;
  };
  expect(await tried(token)).toBe(200);
  // More rights for a key that is there: of every byte one other bit.
  const whole = Buffer.from(await store.get(made));
  for (let at = 0; at < whole.length; at += 7) {
    await change(own, made, (bytes) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      return changed;
    });
    expect([at, await tried(token)]).toEqual([at, 401]);
    await change(own, made, () => whole);
  }
  const raised = whole.toString().replace('"roles":["viewer"]', '"roles":["operator"]');
  expect(raised).not.toBe(whole.toString());
  await change(own, made, () => Buffer.from(raised));
  expect(await tried(token)).toBe(401);
  expect((await send('GET', '/api-keys')).json).toMatchObject({
    keys: [],
    problems: [expect.stringContaining(made)],
  });
  await quarantineObject(own.repository, made, { reason: 'looked at', signal: never });
  expect((await send('GET', '/api-keys')).json).toEqual({ keys: [], problems: [] });
  await change(own, made, () => whole);
  expect(await tried(token)).toBe(200);
  // The same under another name, and one of his own with a key of nobody.
  await store.put(made.replace(key.id, 'abcdef01'), whole);
  const { id, token: his, hash } = tokenByHand();
  for (const macKey of ['none', 'another repository']) {
    const at = new Date().toISOString();
    const [date = '', time = ''] = at.slice(0, 19).replaceAll(/[-:]/g, '').split('T');
    const name = `reports/apikey/${date}/apikey_${date}_${time}_${id}.json`;
    const repository = (await documentAt(store, 'repository.json'))['id'];
    const run = 'c0'.repeat(16);
    const underKey = macKey === 'none' ? TEST_KEY : 'ef'.repeat(32);
    const mac = await newKey(repository, { run, purpose: 'manifest', underKey });
    const document = { format: 'holdfast-report', version: 1, software: 'his', repository, key: name };
    const body = { id, name: 'his', roles: ['operator', 'restorer'], hash };
    const report = { ...document, kind: 'apikey', run, at, backups: [], body, keys: [mac.entry] };
    await store.put(name, signed(report, macKey === 'none' ? 'no key' : mac.plain));
    expect(await tried(his)).toBe(401);
    await store.delete(name);
  }
  // With the key of the repository the same is one: the test above could have come out otherwise.
  await createApiKey(
    own.repository,
    { id, hash, name: 'his', roles: ['viewer'], sources: null, expiresAt: null },
    { signal: never },
  );
  expect(await tried(his)).toBe(200);
});

it('count only if they are signed, where signatures are required', async () => {
  const { store, clock } = await world();
  const { signing, checking } = await makeSigning();
  const made = { name: 'ci', roles: ['viewer' as const], sources: null, expiresAt: null };
  await using plain = await openRepository(store, { clock });
  await createApiKey(plain, { ...made, id: '00000001', hash: '0'.repeat(64) }, { signal: never });
  await using signer = await openRepository(store, { clock, signing });
  await createApiKey(signer, { ...made, id: '00000002', hash: '0'.repeat(64) }, { signal: never });
  await using reader = await openRepository(store, { clock, signing: checking });
  const { keys, problems } = await readApiKeys(reader, never);
  expect([keys.map(({ id }) => id), problems]).toEqual([['00000002'], [expect.stringContaining('00000001')]]);
});

it('that are revoked open nothing: here at once, elsewhere within 30 seconds, also if the word of it is spoilt', async () => {
  const own = await world();
  const { send, make, pass, another, store } = own;
  const elsewhere = another();
  const { token, key } = await make({ ...VIEWER, roles: ['operator'] });
  const here = async () => send('GET', '/status', { as: token });
  const there = async () => (await elsewhere.send('GET', '/status', { as: token })).status;
  expect([(await here()).status, await there()]).toEqual([200, 200]);
  const { status, json } = await send('DELETE', `/api-keys/${key.id}`);
  expect([status, json.key]).toMatchObject([200, { state: 'revoked', revokedBy: 'ana', id: key.id }]);
  expect(await here()).toMatchObject({
    status: 401,
    json: { detail: `the API key ci (${key.id}) was revoked` },
  });
  pass(29_999);
  expect(await there()).toBe(200);
  pass(1);
  expect(await there()).toBe(401);
  // Once more changes nothing; what is not there is not revoked.
  expect((await send('DELETE', `/api-keys/${key.id}`)).json.key.revokedAt).toBe(json.key.revokedAt);
  expect((await send('DELETE', '/api-keys/00000000')).json.code).toBe('E_NO_API_KEY');
  expect((await send('GET', '/audit?action=revoke')).json.entries).toMatchObject([
    { action: 'revoke', by: 'ana', about: key.id },
  ]);
  expect((await send('GET', '/audit?action=apikey')).json.entries).toMatchObject([
    { action: 'apikey', by: 'ana', about: `ci (${key.id})` },
  ]);
  const [word = '', ...more] = await keysBelow({ store }, 'reports/revoke/');
  expect(more).toEqual([]);
  await change(own, word, () => Buffer.from('{}'));
  pass(60_000);
  expect([(await here()).status, await there()]).toEqual([401, 401]);
  const { entries } = (await send('GET', '/audit?action=revoke')).json;
  expect(entries).toEqual([]);
});

it('expire by the clock, and say so to who has them', async () => {
  const { make, send, pass } = await world();
  const { token, key } = await make({ ...VIEWER, expiresInDays: 1 });
  const { token: lasting } = await make({ ...VIEWER, name: 'lasting', expiresInDays: null });
  const { token: usual } = await make({ ...VIEWER, name: 'usual' });
  pass(86_400_000 - 1);
  expect((await send('GET', '/status', { as: token })).status).toBe(200);
  pass(1);
  expect(await send('GET', '/status', { as: token })).toMatchObject({
    status: 401,
    json: { detail: `the API key ci (${key.id}) has expired` },
  });
  pass(89 * 86_400_000 - 1);
  expect((await send('GET', '/status', { as: usual })).status).toBe(200);
  pass(1);
  expect((await send('GET', '/status', { as: usual })).status).toBe(401);
  expect((await send('GET', '/status', { as: lasting })).status).toBe(200);
  const { keys } = (await send('GET', '/api-keys')).json;
  expect(keys.map((one: { name: string; state: string }) => [one.name, one.state]).sort()).toEqual([
    ['ci', 'expired'],
    ['lasting', 'active'],
    ['usual', 'expired'],
  ]);
});

it('that are new are good elsewhere within 5 seconds', async () => {
  const { make, another, pass } = await world();
  const elsewhere = another();
  const { token } = await make(VIEWER);
  expect((await elsewhere.send('GET', '/status', { as: token })).status).toBe(200);
  const { token: newer } = await make({ ...VIEWER, name: 'newer' });
  expect((await elsewhere.send('GET', '/status', { as: newer })).status).toBe(401);
  pass(5000);
  expect((await elsewhere.send('GET', '/status', { as: newer })).status).toBe(200);
});

it('leave word once a day that they were used, and work where that cannot be written down', async () => {
  const own = await world();
  const { make, send, pass, errors, backend, another } = own;
  const { token, key } = await make(VIEWER);
  const lastUse = async () => {
    const { keys } = (await send('GET', '/api-keys')).json;
    return keys.find((one: { id: string }) => one.id === key.id).lastUsedOn;
  };
  expect(await lastUse()).toBeNull();
  for (const api of [own, another()])
    for (let i = 0; i < 3; i++) await api.send('GET', '/status', { as: token });
  const first = await lastUse();
  expect(first).toBe(own.clock.now().toISOString().slice(0, 10));
  const words = await keysBelow(own, 'reports/keyuse/');
  expect(words.length).toBe(1);
  pass(86_400_000);
  await send('GET', '/status', { as: token });
  expect(await lastUse()).toBe(own.clock.now().toISOString().slice(0, 10));
  expect((await keysBelow(own, 'reports/keyuse/')).length).toBe(2);
  // What somebody without the key puts there is not believed.
  const [newest = ''] = (await keysBelow(own, 'reports/keyuse/')).toReversed();
  await change(own, newest, () => Buffer.from('{}'));
  expect(await lastUse()).toBe(first);
  pass(86_400_000);
  backend.apiKeys.noteUse = async () => {
    throw new HoldfastError('E_STORE_FULL', 'no room');
  };
  expect((await send('GET', '/status', { as: token })).status).toBe(200);
  expect(errors).toEqual([expect.objectContaining({ code: 'E_STORE_FULL' })]);
});

it('let nobody in while nobody can tell who they are', async () => {
  const { make, send, pass, backend } = await world();
  const { token } = await make(VIEWER);
  expect((await send('GET', '/status', { as: token })).status).toBe(200);
  const { read } = backend.apiKeys;
  backend.apiKeys.read = async () => {
    throw new HoldfastError('E_STORE_UNAVAILABLE', 'no answer');
  };
  pass(30_000);
  expect(await send('GET', '/status', { as: token })).toMatchObject({
    status: 503,
    json: { code: 'E_STORE_UNAVAILABLE' },
  });
  backend.apiKeys.read = read;
  expect((await send('GET', '/status', { as: token })).status).toBe(200);
});

it('have no more rights than their maker, make no others, and are for sources that there are', async () => {
  const { make, send, another } = await world();
  const refused = async (body: object, code: string) => {
    const { status, json } = await send('POST', '/api-keys', { body });
    expect([json.code, status]).toEqual([code, status]);
    return json;
  };
  await refused({ ...VIEWER, roles: ['admin'] }, 'E_BAD_REQUEST');
  await refused({ ...VIEWER, roles: [] }, 'E_BAD_REQUEST');
  await refused({ ...VIEWER, sources: [] }, 'E_BAD_REQUEST');
  await refused({ ...VIEWER, name: 'a\nb' }, 'E_BAD_REQUEST');
  await refused({ ...VIEWER, expiresInDays: 0 }, 'E_BAD_REQUEST');
  expect((await refused({ ...VIEWER, sources: ['shpo'] }, 'E_UNKNOWN_NAME')).hint).toContain(
    'Did you mean shop',
  );
  const onlyAdmin = another({
    authenticator: {
      scheme: 'Bearer',
      authenticate: async () => ({ id: 'root', name: 'root', roles: ['admin'] }),
    },
  });
  expect((await onlyAdmin.send('POST', '/api-keys', { body: VIEWER })).status).toBe(200);
  expect(
    await onlyAdmin.send('POST', '/api-keys', { body: { ...VIEWER, roles: ['viewer', 'restorer'] } }),
  ).toMatchObject({ status: 403, json: { code: 'E_FORBIDDEN' } });
  const { token } = await make({ ...VIEWER, roles: ['viewer', 'operator', 'restorer'] });
  for (const [method, where] of [
    ['GET', '/api-keys'],
    ['POST', '/api-keys'],
    ['DELETE', '/api-keys/01234567'],
  ] as const)
    expect(
      await send(method, where, { as: token, ...(method === 'POST' ? { body: VIEWER } : {}) }),
    ).toMatchObject({
      status: 403,
      json: { detail: 'an API key cannot make or revoke API keys' },
    });
});

it('are taken nowhere if the configuration says so', async () => {
  const { make, another } = await world();
  const { token } = await make(VIEWER);
  const { api } = another({ api: { keys: 'off' } });
  const answer = await ask(api, '/status', { token });
  expect([answer.status, await answer.json()]).toMatchObject([
    401,
    { detail: 'this API accepts no API keys' },
  ]);
});

it('go before what the application around the API says, and alone where no gateway has checked a login', async () => {
  const { make, api, token: session, backend } = await world();
  const { token, key } = await make(VIEWER);
  const caller = { id: 'ana', name: 'Ana', roles: ['operator' as const] };
  const who = async (context: object, as?: string) => {
    const answer = await ask(api, '/status', { token: as, context });
    const json = (await answer.json()) as {
      readonly caller?: { readonly name: string };
      readonly detail?: string;
    };
    return json.caller?.name ?? json.detail;
  };
  expect(await who({ caller })).toBe('Ana');
  expect(await who({ caller }, token)).toBe(`API key ci (${key.id})`);
  expect(await who({ takesKeysAlone: true }, token)).toBe(`API key ci (${key.id})`);
  for (const as of [undefined, session])
    expect(await who({ takesKeysAlone: true, caller }, as)).toBe(
      'this path only accepts API keys, and the request has none',
    );
  // By holdfast/express and holdfast/fetch: a key needs nothing of the application's login.
  const answer = adminFetch(
    {
      config: undefined,
      problem: () => undefined,
      backend: async () => backend,
      onError: () => {},
      [Symbol.asyncDispose]: async () => {},
    },
    { caller: () => undefined },
  );
  const asked = (as: string) =>
    answer(new Request('http://x/api/admin/backup/list', { headers: { authorization: `Bearer ${as}` } }));
  expect([(await asked(token)).status, (await asked(tokenByHand().token)).status]).toEqual([200, 401]);
});

it('are an application’s own callers too, who are for some sources', async () => {
  const { api } = await world();
  const caller = { id: 'bob', name: 'Bob', roles: ['viewer' as const, 'admin' as const], sources: ['shop'] };
  const answer = await ask(api, '/list', { context: { caller } });
  const { backups } = (await answer.json()) as { readonly backups: readonly { readonly source: object }[] };
  expect(backups.map(({ source }) => source)).toEqual([{ kind: 'files', name: 'shop' }]);
  // He could give himself more.
  const made = await ask(api, '/api-keys', { method: 'POST', body: VIEWER, context: { caller } });
  expect(made.status).toBe(403);
});

it('are revoked and noted once if two do it at the same moment', async () => {
  const own = await world();
  const { make, send, another, errors } = own;
  const { token, key } = await make(VIEWER);
  const apis = [own, another(), another()];
  const used = await Promise.all(apis.map((api) => api.send('GET', '/status', { as: token })));
  expect([used.map(({ status }) => status), errors]).toEqual([[200, 200, 200], []]);
  const revoked = await Promise.all(apis.map((api) => api.send('DELETE', `/api-keys/${key.id}`)));
  expect(revoked.map(({ status, json }) => [status, json.key?.state])).toEqual(
    Array(3).fill([200, 'revoked']),
  );
  expect((await send('GET', '/status', { as: token })).status).toBe(401);
  for (const kind of ['revoke', 'keyuse']) expect((await keysBelow(own, `reports/${kind}/`)).length).toBe(1);
});
