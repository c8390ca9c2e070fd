import { describe, expect, it } from 'vitest';
import { parseBackupKey } from '../../../../shared/core/ids.ts';
import { type FactsInput, factsOf } from '../../../../shared/jobs/verdict/facts-of.ts';

const PROOF = {
  outcome: 'equal',
  key: parseBackupKey('backup_daily_20260301_020000'),
  report: 'p',
  at: new Date(),
};

/** A continuous source of this kind, whose newest proof is this. */
function changesOf(kind: string, lastProof: object | undefined) {
  const source = { name: 'shop', kind };
  const input = {
    at: new Date(),
    isProven: true,
    runsDefaults: false,
    backups: [],
    config: {
      sources: [{ ...source, rpoMs: undefined, continuous: { rpoMs: 60_000 } }],
      aws: { alarms: {}, schedules: [] },
      isEnabled: true,
    },
    status: {
      sources: [{ source, waiting: [], failed: [], misdated: [], lastProof }],
      damaged: 0,
      backups: 0,
      problems: [],
      recovery: { notOpened: [] },
    },
  } as unknown as FactsInput;
  return factsOf(input).sources[0]?.changes;
}

describe('proofs of stored changes', () => {
  it('are missed for all of PostgreSQL, and for MariaDB once there was one: before, its settings may rule them out', () => {
    expect(changesOf('postgres', undefined)?.isProvable).toBe(true);
    expect(changesOf('mysql', undefined)?.isProvable).toBe(false);
    expect(changesOf('mysql', PROOF)?.isProvable).toBe(true);
  });
});
