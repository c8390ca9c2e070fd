import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('the quickstart proves a restore, and prints its tables as tables', () => {
  const said = execFileSync(process.execPath, ['tools/quickstart.ts', '--source', 'firebase'], {
    env: { PATH: process.env['PATH'] },
    encoding: 'utf8',
  });
  expect(said).toMatch(/^BACKUP +HOLDS +ADDED +SMALLER BY\nbackup_daily_\S+ +[\d.]+ MiB +/m);
  expect(said).toMatch(/^Proven: .* came back equal\.$/m);
  expect(said).not.toMatch(/\[object|Styled|undefined|\{/);
}, 120_000);
