import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FUNCTION_NAMES, OPTIONAL_FUNCTION_NAMES } from '../../shared/config/aws.ts';
import { ALERT_TYPES } from '../../shared/config/events.ts';
import { DOCUMENTED_TYPES, eventProblems } from '../support/aws/event-schema.ts';
import { backupMachine } from '../support/aws/local-step-functions.ts';
import { copiesMachine } from '../support/stores/copies-machine.ts';

const LISTED = {
  schema: 1,
  execution: 'arn:aws:states:eu-west-1:111122223333:execution:b:x',
  run: 'a'.repeat(32),
  source: 'shop',
  type: 'daily',
  backup: 'backups/backup_daily_20261126_020000.json',
  figures: { records: 7, plainBytes: 70, storedBytes: 40, datasets: 1, chunks: 1, newChunks: 1 },
  head: { number: 3, sha256: 'ab'.repeat(32) },
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
    const { backup: _, figures: __, head: ___, ...failed } = LISTED;
    const error = { code: 'E_SOURCE_REFUSED', message: 'the database refused the login' };
    expect(eventProblems({ type: 'Backup Failed', detail: { ...failed, error } })).toEqual([]);
    expect(eventProblems({ type: 'Backup Failed', detail: failed })).toHaveLength(1);
  });
});

describe('docs/reference/events.md', () => {
  const rows = documentedRows();

  it('has each type of the schema once, and marks those that go to the alert topic', () => {
    expect(rows.map(({ type }) => type).toSorted()).toEqual(DOCUMENTED_TYPES.toSorted());
    const marked = rows.filter(({ isAlert }) => isAlert).map(({ type }) => type);
    expect(marked.toSorted()).toEqual(ALERT_TYPES.toSorted());
  });

  it('says of each type what sends it', () => {
    const senders = new Map(DOCUMENTED_TYPES.map((type) => [type, sendersOf(type)]));
    expect(new Map(rows.map(({ type, from }) => [type, from]))).toEqual(senders);
    for (const [type, from] of senders) expect(from, type).not.toEqual([]);
  });
});

interface Row {
  readonly type: string;
  readonly isAlert: boolean;
  readonly from: readonly string[];
}

function documentedRows(): Row[] {
  const lines = readFileSync('docs/reference/events.md', 'utf8').split('\n');
  return lines
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => {
      const [, types = '', , from = ''] = line.split('|');
      return [...types.matchAll(/`([^`]+)`(\*?)/g)].map(([, type = '', mark]) => ({
        type,
        isAlert: mark === '*',
        from: from.trim().split(', ').toSorted(),
      }));
    });
}

const machine = JSON.stringify(backupMachine({}, { isLocked: true }));
const copies = JSON.stringify(copiesMachine());

/** By what is synthesised, and by the source of the functions. */
function sendersOf(type: string): string[] {
  const sends = (name: string) => {
    const source = readFileSync(`lambdas/${name}/handler.ts`, 'utf8');
    return [...source.matchAll(/putEvent\(([^{]*)\{/g)].some(([, types]) => types?.includes(`'${type}'`));
  };
  const functions: string[] = [...FUNCTION_NAMES, ...OPTIONAL_FUNCTION_NAMES].filter(sends);
  const detailType = `"DetailType":"${type}"`;
  if (machine.includes(detailType)) functions.push('state machine');
  if (copies.includes(detailType)) functions.push('state machine of copies');
  return functions.toSorted();
}
