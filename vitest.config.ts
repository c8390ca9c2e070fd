import { defineConfig } from 'vitest/config';
import { kindsOfTests } from './test/support/run/kinds-of-tests.ts';
import { RunReporter } from './test/support/run/run-reporter.ts';

const { unit, real, alone } = kindsOfTests(import.meta.dirname);
const LIMITS = { testTimeout: 90_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    globalSetup: ['test/support/run/global-setup.ts'],
    reporters: ['default', new RunReporter()],
    maxWorkers: 3,
    pool: 'forks',
    // Packs of 16 MiB that hardly anything is written to would have it begin with every command.
    execArgv: ['--no-incremental-marking'],
    projects: [
      // Files that share processes, and with them what is loaded and started there.
      { extends: true, test: { ...LIMITS, name: 'unit', include: [...unit], isolate: false } },
      { extends: true, test: { ...LIMITS, name: 'real', include: [...real], isolate: false } },
      { extends: true, test: { ...LIMITS, name: 'alone', include: [...alone] } },
    ],
  },
});
