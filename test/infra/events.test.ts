import { describe, expect, it } from 'vitest';
import { ALERT_TYPES } from '../../shared/core/events.ts';
import { DOCUMENTED_TYPES, eventProblems } from '../support/event-schema.ts';

const LISTED = {
  schema: 1,
  execution: 'arn:aws:states:eu-west-1:111122223333:execution:b:x',
  run: 'a'.repeat(32),
  source: 'shop',
  type: 'daily',
  backup: 'backups/backup_daily_20261126_020000.json',
  figures: { records: 7, plainBytes: 70, storedBytes: 40, datasets: 1, chunks: 1, newChunks: 1 },
};

describe('the schema of events', () => {
  it('knows every alert', () => expect(DOCUMENTED_TYPES).toEqual(expect.arrayContaining([...ALERT_TYPES])));

  it('takes an event as it is sent', () =>
    expect(eventProblems({ type: 'Backup Succeeded', detail: LISTED })).toEqual([]));

  it.each([
    ['a type that is not there', 'Backup Made', {}],
    ['a member that is not documented', 'Backup Succeeded', { password: 'hush' }],
    ['a figure that is not documented', 'Backup Succeeded', { figures: { ...LISTED.figures, cost: 1 } }],
    ['a run that is none', 'Backup Succeeded', { run: 'x' }],
    ['findings that are no count', 'Backup Suspect', { suspect: { findings: [] } }],
  ])('refuses %s', (_, type, wrong) =>
    expect(eventProblems({ type, detail: { ...LISTED, ...wrong } })).not.toEqual([]),
  );

  it('wants the error of a failure', () => {
    const { backup: _, figures: __, ...failed } = LISTED;
    const error = { code: 'E_SOURCE_REFUSED', message: 'the database refused the login' };
    expect(eventProblems({ type: 'Backup Failed', detail: { ...failed, error } })).toEqual([]);
    expect(eventProblems({ type: 'Backup Failed', detail: failed })).toHaveLength(1);
  });
});
