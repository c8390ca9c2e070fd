import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 90_000,
    hookTimeout: 120_000,
    maxWorkers: 3,
    pool: 'forks',
    // pg_dump is WebAssembly, run anew for each schema: optimising it takes longer than it runs.
    execArgv: ['--liftoff-only'],
  },
});
