import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeProofReport } from '../../../shared/jobs/changes/proof/proof-report.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';
import { runArguments, runCommand } from '../../support/command-line.ts';
import { ownPostgres } from '../../support/postgres.ts';
import { never, openRepository, TEST_KEY } from '../../support/repository/engine.ts';
import { type Serving, startServing } from '../../support/serving.ts';

const CLOCK = `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now`;
const WHOLE = ['1 one', '2 TWO', '3 three'];

/** An entry of an answer. */
type Entry = Readonly<Record<string, ReturnType<typeof JSON.parse>>>;

/** A stream of a real server: what the API says of it, and moments that it restores. */
describe('the API of changes', () => {
  let server: PostgresServer;
  let cwd: string;
  let env: Record<string, string>;
  /** Before the rows were deleted by accident. */
  let before: string;

  beforeAll(async () => {
    const settings = { wal_level: 'logical', max_slot_wal_keep_size: "'1GB'" };
    server = await ownPostgres(18, { settings });
    cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-changes-'));
    env = { BACKUP_ENCRYPTION_KEY: TEST_KEY };
    const config = {
      repository: './repository',
      sources: {
        shop: { kind: 'postgres', url: await server.createDatabase('shop'), continuous: { rpo: '4m' } },
        quiet: { kind: 'files', url: './quiet' },
      },
      targets: { copy: { kind: 'postgres', url: await server.createDatabase('copy') } },
      drill: { postgres: { url: server.url() } },
    };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
    await sql('CREATE TABLE items (id int PRIMARY KEY, v text, tag text DEFAULT gen_random_uuid())');
    await sql("INSERT INTO items VALUES (1, 'one'), (2, 'two')");
    await holdfast('init --quiet');
    await holdfast('pitr setup --yes --quiet');
  });
  afterAll(async () => {
    await server?.stop();
    await rm(cwd, { recursive: true, force: true });
  });

  const sql = (text: string) => server.query('shop', text);
  const holdfast = async (line: string) => {
    const done = await runCommand(line, { env, cwd });
    expect([0, 30, 41], `${line}: ${done.stderr}`).toContain(done.status);
    return done;
  };
  const rows = async (database: string) =>
    (await server.query(database, 'SELECT id, v FROM items ORDER BY id')).rows.map(
      ({ id, v }) => `${id} ${v}`,
    );
  /** A server that remembers nothing of what it was asked before. */
  const asked = async <T>(work: (serving: Serving) => Promise<T>): Promise<T> => {
    await using serving = await startServing('', { env, cwd });
    return await work(serving);
  };
  const poll = () => holdfast('pitr run --once --no-backup --quiet');
  /** Rules of the verdict that speak against the source, from the API and from the command line. */
  const verdicts = async ({ json }: Pick<Serving, 'json'>) => {
    const rulesOf = ({ verdict }: { verdict: { findings: { rule: string; source: string }[] } }) =>
      verdict.findings.filter(({ source }) => source === 'shop').map(({ rule }) => rule);
    const ofApi = rulesOf(await json('GET', '/status'));
    expect(rulesOf(JSON.parse((await runCommand('status --json', { env, cwd })).stdout))).toEqual(ofApi);
    return ofApi;
  };

  it('says that nothing was ever polled, which is never well', async () => {
    await asked(async (serving) => {
      const { sources } = await serving.json('GET', '/status');
      expect(sources.map(({ source, continuous }: Entry) => [source.name, continuous])).toEqual([
        [
          'shop',
          { agreedSeconds: 240, lagSeconds: null, isMet: false, sentence: 'No changes were ever stored.' },
        ],
        ['quiet', null],
      ]);
      expect(await verdicts(serving)).toEqual(['no-backup', 'changes-none']);
      expect(await serving.json('GET', '/changes/shop')).toMatchObject({
        source: { kind: 'postgres', name: 'shop' },
        everySeconds: 60,
        restorable: [],
        hours: [],
        recoveryPoint: { isMet: false },
        held: { bytes: expect.any(Number), limitBytes: 10 * 1024 ** 3, problem: null },
      });
      expect((await serving.call('GET', '/changes/quiet')).status).toBe(404);
      expect((await serving.call('GET', '/changes/none')).status).toBe(404);
    });
  });

  it('says which moments can be restored, how far it is behind, and what was stored', async () => {
    await poll();
    await holdfast('backup daily --source shop --quiet');
    await sql("INSERT INTO items VALUES (3, 'three')");
    await sql("UPDATE items SET v = 'TWO' WHERE id = 2");
    before = String((await sql(CLOCK)).rows[0]?.['now']);
    await sql('DELETE FROM items WHERE id > 1');
    await poll();
    await asked(async (serving) => {
      const found = await serving.json('GET', '/changes/shop');
      expect(found).toMatchObject({
        recoveryPoint: { agreedSeconds: 240, isMet: true },
        restorable: [{ base: expect.stringContaining('backup_daily') }],
        gaps: [],
        baseDue: null,
        isPaused: false,
        left: { restorable: 0, bases: 0, hours: 0, gaps: 0 },
      });
      const [{ from, to, base }] = found.restorable;
      expect([from < before, before < to, found.bases.map(({ key }: Entry) => key)]).toEqual([
        true,
        true,
        [base],
      ]);
      expect(found.recoveryPoint.lagSeconds).toBeLessThan(240);
      expect(found.hours.reduce((sum: number, { segments }: Entry) => sum + segments, 0)).toBe(
        found.segments,
      );
      expect(await verdicts(serving)).toEqual([]);
    });
  });

  it('restores a moment, into a new database and into a target, after its plan', async () => {
    await asked(async (serving) => {
      const moment = { source: 'shop', at: before };
      for (const to of [{ newDatabase: 'then' }, { to: 'copy' }]) {
        const body = { ...moment, ...to };
        const plan = await serving.json('POST', '/restore', { ...body, dryRun: true });
        expect(plan.moment).toMatchObject({ at: before, notCarried: expect.any(Array) });
        expect(plan.plan.steps.at(-1)).toMatch(/^apply \d segments? of changes/);
        const { confirm } = plan;
        // The token is for this moment, and no other.
        const other = await serving.call('POST', '/restore', { ...body, at: 'latest', confirm });
        expect(other.status).toBe(409);
        const run = await serving.over(
          (await serving.json('POST', '/restore', { ...body, confirm }, 202)).run,
        );
        expect(run).toMatchObject({
          state: 'succeeded',
          restore: { moment: { source: 'shop', at: before, beforeTransaction: null } },
          result: { transactions: 2, rows: 2, notCarried: expect.any(Array) },
        });
        expect(await rows(to.newDatabase ?? 'copy')).toEqual(WHOLE);
      }
      const { entries } = await serving.json('GET', '/audit');
      expect(
        entries.filter(({ action }: Entry) => action === 'restore').map(({ sources }: Entry) => sources),
      ).toEqual([['shop'], ['shop'], ['shop'], ['shop']]);
    });
  });

  it('refuses what is no moment, and says why', async () => {
    await asked(async (serving) => {
      const refusal = async (body: object) => {
        const answer = await serving.call('POST', '/restore', { to: 'copy', dryRun: true, ...body });
        const { code, detail } = (await answer.json()) as { code: string; detail: string };
        return `${answer.status} ${code} ${detail}`;
      };
      const source = 'shop';
      expect(await refusal({ source, at: '2999-01-01T00:00:00Z' })).toMatch(
        /E_NO_MOMENT .*do not reach 2999/,
      );
      expect(await refusal({ source, at: '2020-01-01T00:00:00Z' })).toMatch(/E_NO_MOMENT/);
      expect(await refusal({ source, at: 'yesterday' })).toMatch(/^400 E_BAD_REQUEST/);
      expect(await refusal({ source, at: '2026-02-30T00:00:00Z' })).toMatch(/^400 E_BAD_REQUEST/);
      expect(await refusal({ source })).toMatch(/^400 .*give at or beforeTransaction/);
      expect(await refusal({ at: before })).toMatch(/^400 .*whose moment/);
      expect(await refusal({ source, at: before, backup: 'backup_daily_20260101_000000' })).toMatch(
        /^400 .*moment/,
      );
      expect(await refusal({ source: 'none', at: before })).toMatch(/^404 E_UNKNOWN_NAME/);
      expect(await refusal({ source: 'quiet', at: before })).toMatch(
        /^400 .*cannot be backed up continuously/,
      );
      expect(await refusal({})).toMatch(/^400 .*backup/);
    });
  });

  it('is not well when nobody polls for longer than agreed', async () => {
    const folder = path.join(cwd, 'repository', 'changes');
    const [own = ''] = await readdir(folder);
    const [newest = ''] = (await readdir(path.join(folder, own))).filter((name) => /^\d+$/.test(name)).sort();
    const late = new Date(Date.now() - 5 * 60_000);
    await utimes(path.join(folder, own, newest), late, late);
    await asked(async (serving) => {
      expect(await verdicts(serving)).toEqual(['changes-late']);
      const { recoveryPoint } = await serving.json('GET', '/changes/shop');
      expect([recoveryPoint.isMet, recoveryPoint.lagSeconds >= 300]).toEqual([false, true]);
    });
  });

  it('is not well while it is paused', async () => {
    await holdfast('pitr pause --quiet');
    await asked(async (serving) => {
      expect(await verdicts(serving)).toEqual(['changes-late', 'changes-paused']);
      expect(await serving.json('GET', '/changes/shop')).toMatchObject({
        isPaused: true,
        recoveryPoint: { isMet: false },
      });
    });
    await holdfast('pitr resume --quiet');
  });

  it('names a gap, until a backup heals it', async () => {
    await holdfast('pitr remove --yes --quiet');
    await sql("INSERT INTO items VALUES (7, 'in the gap')");
    await holdfast('pitr setup --yes --quiet');
    await poll();
    await asked(async (serving) => {
      const found = await serving.json('GET', '/changes/shop');
      expect(found.gaps).toMatchObject([{ why: 'gap', healedBy: null }]);
      expect(found).toMatchObject({
        baseDue: expect.stringContaining('lost'),
        recoveryPoint: { isMet: false },
      });
      expect(await verdicts(serving)).toEqual(['changes-no-base']);
    });
    await holdfast('backup daily --source shop --quiet');
    await sql("INSERT INTO items VALUES (8, 'after it')");
    await poll();
    await asked(async (serving) => {
      const found = await serving.json('GET', '/changes/shop');
      const [newest, older] = found.restorable;
      expect(found.gaps).toMatchObject([{ why: 'gap', healedBy: newest.base }]);
      expect([older.to < newest.from, found.baseDue, found.recoveryPoint.isMet]).toEqual([true, null, true]);
      expect(await verdicts(serving)).toEqual([]);
    });
  });

  it('says before a moment is restored that a proof found its changes wrong', async () => {
    await asked(async (serving) => {
      const found = await serving.json('GET', '/changes/shop');
      const [base, earlier] = found.bases.map(({ key }: Entry) => key);
      await using repository = await openRepository(new FolderStore(path.join(cwd, 'repository')));
      const state = 'different' as const;
      const dataset = { dataset: 'public.items', state, columns: ['id'], differing: 2, differences: [] };
      const proof = { base, before: earlier, segments: 1, transactions: 1, state, datasets: [dataset] };
      const about = { base, proof, error: undefined, proofMs: 1, startedAt: new Date(), by: undefined };
      const source = { kind: 'postgres', name: 'shop' };
      await writeProofReport(
        repository,
        { ...about, source },
        { signs: false, onUnsigned: () => {}, signal: never },
      );

      const doubt = /cannot be trusted: their proof found 2 rows of public\.items/;
      const plan = (at: string) =>
        serving.json('POST', '/restore', { source: 'shop', at, newDatabase: 'doubted', dryRun: true });
      expect((await plan(before)).plan.warnings).toEqual([expect.stringMatching(doubt)]);
      // Later moments begin with the backup that was compared.
      expect((await plan('latest')).plan.warnings).toEqual([]);
    });
    const there = { env: { ...env, THERE: await server.createDatabase('there') }, cwd };
    const restore = ['restore', '--source', 'shop', '--at', before, '--to', 'env:THERE'];
    const refused = await runArguments(restore, there);
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/nobody to ask: .*cannot be trusted/),
    ]);
    expect((await runArguments([...restore, '--dry-run'], there)).stdout).toMatch(
      /warning: .*cannot be trusted/,
    );
    const done = await runArguments([...restore, '--yes'], there);
    expect([done.status, await rows('there')]).toEqual([0, WHOLE]);
  });
});
