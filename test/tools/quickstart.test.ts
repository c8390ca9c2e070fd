import { execFileSync, spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { hasPart } from '../support/parts.ts';
import { sample, turns } from '../support/repository/torture.ts';

const it = turns(2);

/** The tour of PostgreSQL differs from these in its data alone. */
const SOURCES = ['firebase', ...(hasPart('mariadb') ? ['mysql'] : [])];

it.each(sample(SOURCES, 1))(
  'the quickstart proves a restore of %s, and prints its tables as tables',
  (source) => {
    const said = execFileSync(process.execPath, ['tools/quickstart.ts', '--source', source], {
      env: { PATH: process.env['PATH'] },
      encoding: 'utf8',
    });
    expect(said).toMatch(/^BACKUP +HOLDS +ADDED +SMALLER BY\nbackup_daily_\S+ +[\d.]+ MiB +/m);
    expect(said).toMatch(/^Proven: .* came back equal\.$/m);
    expect(said).not.toMatch(/\[object|Styled|undefined|\{/);
  },
  120_000,
);

it('says what to install if there is no MariaDB', () => {
  const { status, stderr } = spawnSync(process.execPath, ['tools/quickstart.ts', '--source', 'mysql'], {
    env: { PATH: '/nowhere' },
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  expect(stderr).toContain('error: MariaDB is not installed here');
  expect(stderr).toContain('hint: Install it');
}, 60_000);
