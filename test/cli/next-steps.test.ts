import { describe, expect, it } from 'vitest';
import { nextSteps } from '../../cli/next-steps.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { commandOf } from '../../shared/jobs/verdict/commands.ts';
import type { StepAction } from '../../shared/jobs/verdict/step-action.ts';

const backup = 'backups/daily/20260331/backup_daily_20260331_020000.json' as BackupKey;

describe('what to do next', () => {
  it.each([
    [{ kind: 'backup', source: 'shop' }, 'holdfast backup --source shop'],
    [
      { kind: 'backup', source: "my shop's", type: 'daily', note: 'before the move', noParent: true },
      "holdfast backup daily --source 'my shop'\\''s' --note 'before the move' --no-parent",
    ],
    [{ kind: 'verify', backup }, 'holdfast verify backup_daily_20260331_020000 --full'],
    [{ kind: 'drill', source: 'shop', backup }, 'holdfast drill backup_daily_20260331_020000'],
    [
      { kind: 'accept', backups: [backup, backup] },
      'holdfast accept backup_daily_20260331_020000 backup_daily_20260331_020000 --reason "…"',
    ],
    [{ kind: 'lock' }, 'holdfast lock'],
    [{ kind: 'copy', place: 'away' }, 'holdfast copy away'],
  ] as readonly (readonly [StepAction, string])[])('has the command for %o', (action, command) => {
    expect(nextSteps([{ text: 'Do it.', action, command: commandOf(action) }], undefined)).toEqual([
      `Do it. Run: ${command}`,
    ]);
  });

  it('is nothing, or what recovery keys lack', () => {
    expect(nextSteps([], undefined)).toEqual(['Nothing.']);
    const recovery = { keys: [], notOpened: [{ recoveryKey: 'abc', backups: [backup] }], problems: [] };
    expect(nextSteps([], recovery as never)[0]).toMatch(/^Recovery key abc does not open 1 backup/);
  });
});
