import { describe, expect, onTestFinished, vi } from 'vitest';
import { DEFAULT_CHUNKER } from '../../../../shared/format/repository-file.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { Fault } from '../../../../tools/firebase-server/faults.ts';
import type { FirebaseServerOptions } from '../../../../tools/firebase-server/options.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { firebaseSource, restoreFirebase } from '../../../support/sources/firebase.ts';

const it = turns(2);

vi.setConfig({ testTimeout: 120_000 });

async function begin(options: FirebaseServerOptions = {}) {
  const server = await startFirebaseServer(options);
  const store = new MemoryStore();
  await initRepository(store, DEFAULT_CHUNKER);
  const repository = await openRepository(store);
  onTestFinished(async () => {
    await repository[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  await server.set('/', { n: { a: 1 } });
  const warnings: string[] = [];
  const backUp = (url = server.url) =>
    runBackup(repository, firebaseSource(url, { firstPauseMs: 1 }), {
      type: 'daily',
      signal: never,
      onProgress: (event) => event.kind === 'warning' && warnings.push(event.message),
    });
  return { server, repository, backUp, warnings };
}

const AT_RULES = /\.settings\/rules/;

describe('security rules that cannot be read', () => {
  it.each<[string, Fault, RegExp]>([
    ['an error of the server', { kind: 'status', status: 500 }, /could not be read.*internal error/],
    [
      'a refusal of no known kind',
      { kind: 'status', status: 400, text: 'No such thing' },
      /could not be read.*No such thing/,
    ],
    ['a connection that breaks', { kind: 'drop' }, /could not be read/],
    [
      'a redirect',
      { kind: 'status', status: 302, location: 'https://login.example' },
      /could not be read.*redirect/,
    ],
    [
      'a page of something between',
      { kind: 'status', status: 200, text: '<html>' },
      /could not be read.*not security rules/,
    ],
    ['a denial', { kind: 'status', status: 403, text: 'Permission denied' }, /this login may not read them/],
    ['a login that rules do not take', { kind: 'status', status: 401 }, /this login may not read them/],
  ])('do not fail the backup, which says so: %s', async (_, fault, words) => {
    const { server, repository, backUp, warnings } = await begin();
    server.fail({ ...fault, match: AT_RULES, times: 1e9 });
    const { key } = await backUp();
    const { omitted } = (await repository.openBackup(key, never)).catalog;
    expect(omitted.join('\n')).toMatch(words);
    const isDenied = fault.status === 403 || fault.status === 401;
    expect(warnings.join('\n')).toMatch(isDenied ? /^$/ : words);
    const { plan } = await restoreFirebase(repository, server.url, { replace: true });
    expect(plan.warnings).toEqual([]);
    await expect(
      restoreFirebase(repository, server.url, { replace: true, rules: true }),
    ).rejects.toMatchObject({
      code: 'E_NO_DATASET',
      message: 'the backup has no security rules',
    });
  });

  it('make a backup suspect where earlier ones have them', async () => {
    const { server, repository, backUp } = await begin();
    await backUp();
    server.fail({ kind: 'status', status: 500, match: AT_RULES, times: 6 });
    await server.set('/n/b', 2);
    const { key } = await backUp();
    const { suspect } = await repository.readManifest(key, never);
    expect(JSON.stringify(suspect)).toContain('schema-gone');
  });

  it('are not said to differ where they were written and cannot be read back', async () => {
    const { server, repository, backUp } = await begin();
    await backUp();
    server.fail({ kind: 'status', status: 400, text: 'Not now', match: /^GET.*settings/, times: 1e9 });
    await expect(
      restoreFirebase(repository, server.url, { replace: true, rules: true }),
    ).rejects.toMatchObject({
      code: 'E_SOURCE_FAILED',
      message: expect.stringMatching(/were written.*could not be read back.*Not now/),
    });
  });

  it('still stop a run that was stopped', async () => {
    const { server, repository } = await begin();
    const stop = new AbortController();
    const isAtRules = (label: string) => {
      if (!AT_RULES.test(label)) return false;
      stop.abort();
      return true;
    };
    server.fail({
      kind: 'status',
      status: 500,
      match: { test: isAtRules } as unknown as RegExp,
      times: 9,
    });
    await expect(
      runBackup(repository, firebaseSource(server.url), { type: 'daily', signal: stop.signal }),
    ).rejects.toMatchObject({ code: 'E_ABORTED' });
  });
});

describe('a redirect', () => {
  it('is told as one, and never as the right URL of the database', async () => {
    const { backUp } = await begin({
      redirects: { local: { to: 'https://login.corp.example/start?token=hush', status: 302 } },
    });
    const error = await backUp().catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'E_SOURCE_REFUSED',
      message: expect.stringMatching(/redirect to https:\/\/login\.corp\.example.*\(HTTP 302\)/),
      hint: expect.stringMatching(/not followed.*proxy/),
      details: { status: 302, redirect: 'https://login.corp.example' },
    });
    const { message, hint, details } = error as { message: string; hint: string; details: object };
    expect(`${message}${hint}${JSON.stringify(details)}`).not.toMatch(
      /hush|Use the database URL|not where this database/,
    );
  });

  it('to another database of Firebase is still no proof that it is the right one', async () => {
    const { backUp } = await begin({ redirects: { local: { to: 'https://other.firebaseio.com' } } });
    await expect(backUp()).rejects.toMatchObject({
      code: 'E_SOURCE_REFUSED',
      hint: expect.stringMatching(/If https:\/\/other\.firebaseio\.com is the database that you mean/),
    });
  });

  it('within the server is told with its path', async () => {
    const { server, backUp } = await begin();
    server.fail({ kind: 'status', status: 307, location: '/login?next=hush', times: 1e9 });
    await expect(backUp()).rejects.toMatchObject({
      code: 'E_SOURCE_REFUSED',
      message: expect.stringMatching(/redirect to http:\/\/127\.0\.0\.1:\d+\/login \(HTTP 307\)/),
    });
  });

  it('of a server that names another region gives that URL as the server’s word', async () => {
    const correctUrl = 'https://far.europe-west1.firebasedatabase.app';
    const { server, backUp } = await begin({ elsewhere: { far: correctUrl } });
    await expect(backUp(`${server.url}/?ns=far`)).rejects.toMatchObject({
      code: 'E_SOURCE_REFUSED',
      hint: `The server says that its URL is ${correctUrl}: use that one.`,
      details: { correctUrl },
    });
  });
});
