import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { chooseMoment } from '../../../../shared/jobs/changes/choose-moment.ts';
import { momentDoubts, refuseDoubts } from '../../../../shared/jobs/changes/moment-doubts.ts';
import { writeProofReport } from '../../../../shared/jobs/changes/proof/proof-report.ts';
import type { Proof } from '../../../../shared/jobs/changes/proof/prove-base.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { LOGGED, pollOnce } from '../../../support/repository/change-chains.ts';
import { initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { ChangeLog } from '../../../support/sources/change-log.ts';
import { compare, loggedSource } from '../../../support/sources/logged-database.ts';

type State = Proof['state'];

/** Three nights, with a change and a poll after each; the moments are those of the changes. */
async function nights() {
  const store = new MemoryStore();
  await initRepository(store);
  const log = await ChangeLog.make();
  const repository = await openCheaply(store);
  log.write('first');
  await pollOnce(repository, log.open());
  const bases: BackupKey[] = [];
  const moments: string[] = [];
  for (const night of ['one', 'two', 'three']) {
    bases.push((await runBackup(repository, loggedSource(log), { type: 'daily', signal: never })).key);
    log.wait(60_000);
    log.write(night);
    moments.push(log.now);
    log.wait(60_000);
    await pollOnce(repository, log.open(), { idleMs: 0 });
  }
  /** As `runProof` records what it finds. */
  const report = (night: number, state: State, differing = state === 'different' ? 3 : 0) => {
    const dataset = { dataset: 't', state, columns: ['id'], differing, differences: [], why: undefined };
    const [before, base] = [bases[night - 1] as BackupKey, bases[night] as BackupKey];
    const proof = { before, state, segments: 1, transactions: 1, datasets: [dataset] } as unknown as Proof;
    const about = {
      base,
      proof,
      error: undefined,
      source: LOGGED,
      startedAt: new Date(),
      proofMs: 1,
      by: undefined,
    };
    return writeProofReport(repository, about, { signs: false, onUnsigned: () => {}, signal: never });
  };
  const doubts = async (at: string | undefined, datasets?: readonly string[]) => {
    const chosen = await chooseMoment(repository, { source: LOGGED, compare, until: { at }, signal: never });
    return momentDoubts(repository, chosen, { datasets, signal: never });
  };
  return { repository, bases, moments, report, doubts };
}

describe('a moment between two backups', () => {
  it('is doubted if the proof of the later one found a difference, and others are not', async () => {
    const { repository, bases, moments, report, doubts } = await nights();
    const [one, two, three] = moments;
    expect(await doubts(one)).toEqual([]);
    await report(1, 'different');
    await report(2, 'equal');
    const found = await doubts(one);
    expect(found).toEqual([
      expect.stringMatching(/cannot be trusted: their proof found 3 rows of t that are not/),
    ]);
    for (const key of bases.slice(0, 2)) expect(found[0]).toContain(key.replace(/.*\/|\.json/g, ''));
    expect(found[0]).toMatch(/see holdfast show proof_\d{8}_\d{6}_[0-9a-f]{8}$/);
    for (const at of [two, three, undefined]) expect(await doubts(at)).toEqual([]);
    // Only what is restored counts.
    expect(await doubts(one, ['other'])).toEqual([]);
    expect(await doubts(one, ['other', 't'])).toHaveLength(1);
    await repository[Symbol.asyncDispose]();
  });

  it('is not if it was proven again, and found equal', async () => {
    const { repository, moments, report, doubts } = await nights();
    await report(1, 'different');
    await new Promise((resolve) => setTimeout(resolve, 5));
    await report(1, 'equal');
    expect(await doubts(moments[0])).toEqual([]);
    await repository[Symbol.asyncDispose]();
  });

  it('is doubted too if the restore begins with an older backup, as the one before it is gone', async () => {
    const { repository, bases, moments, report, doubts } = await nights();
    await report(2, 'different');
    expect(await doubts(moments[0])).toEqual([]);
    await repository.store.delete(bases[1] as string);
    expect(await doubts(moments[1])).toHaveLength(1);
    await repository[Symbol.asyncDispose]();
  });

  it('is refused then, unless it is wanted all the same', () => {
    expect(() => refuseDoubts(['it is wrong'], false, 'say so')).toThrow(
      expect.objectContaining({ code: 'E_NOT_CONFIRMED', message: 'it is wrong', hint: 'say so' }),
    );
    refuseDoubts(['it is wrong'], true, 'say so');
    refuseDoubts([], false, 'say so');
  });
});
