import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const HELP = `Usage: npm run test:dates [-- [--at TIME[@ZONE]]... [FILE...]]

Runs the tests as if it were another day: each weekday, the last minutes of a month and of a year, a 29 February, and
the hours in which summer time begins and ends. Needs gcc and Linux: the clock is shifted in the test's processes, and in the
servers and browsers that they start.

  --at TIME[@ZONE]  only this day, such as 2028-02-29T12:00:00Z or 2027-03-28T00:50:00Z@Europe/Berlin
  FILE              only tests whose path contains FILE (default: all)
`;

/** A time and the zone of the machine then: the hours around midnight, and those after the nightly backups, come too. */
const DAYS: readonly string[] = [
  '2027-02-01T00:05:00Z',
  '2027-02-02T02:15:00Z',
  '2027-02-03T02:59:00Z@America/St_Johns',
  '2027-02-04T12:00:00Z@Asia/Kathmandu',
  '2027-02-05T17:45:00Z',
  '2027-02-06T23:58:00Z',
  '2027-02-07T03:30:00Z',
  '2027-01-31T23:58:00Z',
  '2026-12-31T23:58:00Z',
  '2028-02-29T12:00:00Z',
  '2027-03-28T00:58:00Z@Europe/Berlin',
  '2027-10-31T00:58:00Z@Europe/Berlin',
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { at: { type: 'string', multiple: true }, help: { type: 'boolean', default: false } },
});

if (values.help) console.log(HELP);
else process.exitCode = await runAll(values.at ?? DAYS);

async function runAll(days: readonly string[]): Promise<number> {
  const wrong = days.filter((day) => Number.isNaN(Date.parse(timeOf(day))));
  if (wrong.length > 0) {
    console.error(`--at takes a time such as 2028-02-29T12:00:00Z, not '${wrong[0]}'`);
    return 2;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-clock-'));
  try {
    const library = path.join(folder, 'shifted-clock.so');
    execFileSync('gcc', ['-O2', '-shared', '-fPIC', '-o', library, 'tools/shifted-clock.c', '-ldl']);
    const failed: string[] = [];
    for (const day of days) if ((await runAt(day, library)) !== 0) failed.push(day);
    console.log(failed.length === 0 ? `passed at ${days.join(', ')}` : `failed at ${failed.join(', ')}`);
    return failed.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function timeOf(day: string): string {
  return day.split('@')[0] ?? '';
}

/** @returns the exit status of the tests */
function runAt(day: string, library: string): Promise<number> {
  console.log(`\n== ${day}`);
  const env = {
    ...process.env,
    LD_PRELOAD: library,
    SHIFTED_CLOCK_SECONDS: String(Math.round((Date.parse(timeOf(day)) - Date.now()) / 1000)),
    TZ: day.split('@')[1] ?? 'UTC',
  };
  const vitest = path.resolve('node_modules/vitest/vitest.mjs');
  const tests = spawn(process.execPath, [vitest, 'run', ...positionals], { env, stdio: 'inherit' });
  return new Promise((resolve) => tests.once('exit', (status) => resolve(status ?? 1)));
}
