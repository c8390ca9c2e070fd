import { randomInt } from 'node:crypto';
import { defineConfig } from 'vitest/config';
import { filesInTurn, kindsOfTests } from './test/support/run/kinds-of-tests.ts';
import { RunReporter } from './test/support/run/run-reporter.ts';

/** Of samples: another one in each run. If a test fails, run-reporter.ts says it. */
process.env['HOLDFAST_SAMPLE_SEED'] ??= String(randomInt(1, 2 ** 31));
const { unit, real, alone } = kindsOfTests(import.meta.dirname);
/** `npm test -- --project unit` takes a third of a minute. */
const isInnerLoop = /--project[ =]unit\b/.test(process.argv.join(' '));
const isCi = process.env['HOLDFAST_TEST_CI'] === '1';
/** What starts nothing outside is tried in full in CI. */
const FULL_IN_CI = isCi ? { HOLDFAST_TEST_FULL: '1' } : {};
const LIMITS = { testTimeout: 90_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    globalSetup: ['test/support/run/global-setup.ts'],
    reporters: ['default', new RunReporter()],
    // They wait for servers and browsers about half of the time.
    maxWorkers: process.env['HOLDFAST_TEST_FULL'] === '1' ? 3 : 4,
    pool: 'forks',
    // Packs of 16 MiB that hardly anything is written to would have it begin with every command.
    // Threads strip types by WebAssembly that calls JavaScript. Node 24's V8 may abort when two of them replace the wrapper of such
    // calls at once (`Check failed: jit_page.has_value()`), which it does after so many calls. Built code strips none.
    execArgv: ['--no-incremental-marking', '--wasm-wrapper-tiering-budget=1000000000'],
    projects: [
      // Files that share processes, and with them what is loaded and started there.
      {
        extends: true,
        test: {
          ...LIMITS,
          name: 'unit',
          include: isInnerLoop ? [...filesInTurn(unit, 3)] : [...unit],
          isolate: false,
          env: FULL_IN_CI,
        },
      },
      {
        extends: true,
        test: { ...LIMITS, name: 'real', include: [...filesInTurn(real, isCi ? 2 : 4)], isolate: false },
      },
      { extends: true, test: { ...LIMITS, name: 'alone', include: [...alone] } },
    ],
  },
});
