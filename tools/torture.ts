import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { tortureFiles } from './torture-files.ts';

const HELP = `Usage: npm run torture [-- --seed N] [--share X] [--only TEXT]

Runs the long form of every randomised test, such as backups killed at random moments.

  --seed N     the same seed gives the same cases (default: the time)
  --share X    this share of the cases, such as 0.1 (default 1)
  --only TEXT  only test files whose path contains TEXT
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    share: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});
const seed = values.seed ?? String(Math.floor(performance.timeOrigin / 1000));
if (values.help) console.log(HELP);
else if (!/^\d{1,15}$/.test(seed) || !(Number(values.share) > 0)) {
  console.error(
    `--seed is '${seed}', --share is '${values.share}'; wanted are a whole number and a number above 0`,
  );
  process.exitCode = 2;
} else run();

function run(): void {
  const files = tortureFiles(values.only);
  // Without a file vitest would run them all.
  if (files.length === 0) {
    console.error(`--only is '${values.only}'; no test file with a long form has that in its path`);
    process.exitCode = 2;
    return;
  }
  console.log(`seed ${seed}, share ${values.share}: ${files.join(', ')}`);
  const vitest = path.resolve('node_modules/vitest/vitest.mjs');
  const env = { ...process.env, HOLDFAST_TEST_SEED: seed, TORTURE_SHARE: values.share };
  spawn(process.execPath, [vitest, 'run', ...files], { env, stdio: 'inherit' }).once('exit', (status) => {
    if (status !== 0)
      console.error(
        `failed; the same cases again: npm run torture -- --seed ${seed} --share ${values.share}`,
      );
    process.exitCode = status ?? 1;
  });
}
