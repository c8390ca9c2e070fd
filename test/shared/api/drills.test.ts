import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DrillAnswer, DrillsAnswer } from '../../../shared/api/schema/drills.ts';
import type { AdminApiServer } from '../../../shared/api/server/admin-api.ts';
import { HoldfastError } from '../../../shared/core/errors.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { runDrill } from '../../../shared/jobs/drill/drill.ts';
import { openScratch } from '../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { adminApi, ask, localBackend, sessionWith } from '../../support/api.ts';
import { initRepository, memorySource, never, openRepository } from '../../support/repository/engine.ts';
import { InlinePool } from '../../support/repository/inline-pool.ts';
import { ManualClock } from '../../support/repository/pruning.ts';
import { makeSigning, opensslSays } from '../../support/repository/signing.ts';

describe('evidence of drills', () => {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const { sessions, token } = sessionWith();
  const store = new MemoryStore(clock);
  let signing: Awaited<ReturnType<typeof makeSigning>>;
  let repository: Repository;
  let api: AdminApiServer;
  let name: string;
  let folder: string;

  const json = async <T>(path: string) => (await ask(api, path, { token })).json() as Promise<T>;
  const drillOf = async (of: Repository, source: string, options = {}) => {
    const from = memorySource({ 'a.txt': `${source}\n`.repeat(3) }, { name: source });
    const { key } = await runBackup(of, from, { type: 'daily', signal: never });
    const server = await openScratch({ kind: 'files', url: folder, options: {} }, {});
    const result = await runDrill(of, key, server, { signal: never, ...options });
    clock.advance(DAY_MS);
    return result;
  };

  beforeAll(async () => {
    signing = await makeSigning();
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-drills-'));
    await initRepository(store);
    const options = { clock, pool: new InlinePool() };
    repository = await openRepository(store, { ...options, signing: signing.signing });
    const { report } = await drillOf(repository, 'shop', { by: 'ana' });
    name = report.slice(report.lastIndexOf('/') + 1, -'.json'.length);
    await drillOf(repository, 'crm', { signs: false });
    const { backend } = localBackend(repository);
    api = adminApi(async () => backend, sessions);
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('lists drills, newest first, by source and by cursor', async () => {
    const { drills } = await json<DrillsAnswer>('/drills');
    expect(drills.map(({ source, outcome }) => [source?.name, outcome])).toEqual([
      ['crm', 'equal'],
      ['shop', 'equal'],
    ]);
    expect((await json<DrillsAnswer>('/drills?source=shop')).drills).toMatchObject([{ name, by: 'ana' }]);
    const first = await json<DrillsAnswer>('/drills?limit=1');
    expect(first.nextCursor).not.toBeNull();
    const second = await json<DrillsAnswer>(`/drills?limit=1&cursor=${first.nextCursor}`);
    expect([...first.drills, ...second.drills]).toEqual(drills);
    expect((await ask(api, '/drills?source=none', { token })).status).toBe(404);
  });

  it('tells what was restored, from which bytes, when, by whom, and how it was compared', async () => {
    const drill = await json<DrillAnswer>(`/drills/${name}`);
    const sha256 = createHash('sha256')
      .update(await store.get(drill.backup))
      .digest('hex');
    expect(drill).toMatchObject({
      outcome: 'equal',
      by: 'ana',
      source: { kind: 'files', name: 'shop' },
      startedAt: '2026-03-01T02:00:00.000Z',
      manifestSha256: sha256,
      manifestNow: sha256,
      isProven: true,
      signature: { alg: 'Ed25519', state: 'right' },
      sealed: { comparison: [{ dataset: 'a.txt', equal: true, backupRecords: 3, targetRecords: 3 }] },
    });
    await store.delete(drill.backup);
    expect(await json<DrillAnswer>(`/drills/${name}`)).toMatchObject({ manifestNow: null });
  });

  it('gives the report byte for byte, signed so that OpenSSL says so with the public key alone', async () => {
    const answer = await ask(api, `/drill-reports/${name}`, { token });
    expect(answer.headers.get('content-disposition')).toContain(`filename="${name}.json"`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const { sha256 } = await json<DrillAnswer>(`/drills/${name}`);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    expect(await opensslSays(bytes, signing.publicText, 'Ed25519')).toBe(true);
    const forged = Buffer.from(Buffer.from(bytes).toString().replace('"equal"', '"eqval"'));
    expect(await opensslSays(forged, signing.publicText, 'Ed25519')).toBe(false);
  });

  it('is checked by the commands of docs/reference/security.md, which refuse one that was changed', async () => {
    const bytes = await (await ask(api, `/drill-reports/${name}`, { token })).text();
    const page = await readFile('docs/reference/security.md', 'utf8');
    const [, written = ''] = /## Checking the evidence of a drill.*?```sh\n(.*?)```/s.exec(page) ?? [];
    // The report and the key are those of this test.
    const commands = written.replaceAll(/^(REPORT|PUBLIC)=.*\n/gm, '');
    const check = async (text: string) => {
      await writeFile(path.join(folder, 'report.json'), text);
      const env = { ...process.env, REPORT: 'report.json', PUBLIC: signing.publicText };
      return spawnSync('bash', ['-euc', commands], { cwd: folder, env, encoding: 'utf8' });
    };
    expect(await check(bytes)).toMatchObject({ status: 0, stdout: 'Signature Verified Successfully\n' });
    expect((await check(bytes.replace('"records":3', '"records":4'))).status).not.toBe(0);
  });

  it('says that a key is not known, and believes no report that a known key did not sign', async () => {
    const { drills } = await json<DrillsAnswer>('/drills?source=crm');
    expect(await json<DrillAnswer>(`/drills/${drills[0]?.name}`)).toMatchObject({ signature: null });
    await using other = await openRepository(store, { clock, pool: new InlinePool() });
    const { backend } = localBackend(other);
    expect(await backend.view.drill(name, never)).toMatchObject({ signature: { state: 'unknown-key' } });
    await using keyless = other.withoutKey();
    const seen = await localBackend(keyless).backend.view.drill(name, never);
    expect(seen).toMatchObject({ isProven: false, sealed: null, outcome: 'equal' });
  });

  it('has no report of another name, kind or place', async () => {
    for (const wrong of ['none', 'verify_20260301_020000_00000000', 'reports%2Fhold%2Fx', '..%2Fkeys%2Fx'])
      for (const route of ['drills', 'drill-reports'])
        expect((await ask(api, `/${route}/${wrong}`, { token })).status, wrong).toBe(404);
  });

  it('is written without a signature if the key that signs is not to be had', async () => {
    const { signer } = signing.signing;
    const refusing = {
      publicKey: (signal: AbortSignal) => signer!.publicKey(signal),
      sign: async () => {
        throw new HoldfastError('E_KEY_DENIED', 'kms:Sign is not allowed');
      },
    };
    await using own = await openRepository(store, { clock, pool: new InlinePool() });
    const { key } = await runBackup(own, memorySource({ 'b.txt': 'b\n' }, { name: 'odd' }), {
      type: 'daily',
      signal: never,
    });
    await using unable = await openRepository(store, {
      clock,
      pool: new InlinePool(),
      signing: { ...signing.checking, isRequired: false, signer: refusing },
    });
    const server = await openScratch({ kind: 'files', url: folder, options: {} }, {});
    const warnings: string[] = [];
    const { report } = await runDrill(unable, key, server, {
      onProgress: (event) => event.kind === 'warning' && warnings.push(event.message),
      signal: never,
    });
    expect(warnings).toContain('the report is not signed: kms:Sign is not allowed');
    expect(Buffer.from(await store.get(report)).toString()).not.toContain('"signature"');
  });
});
