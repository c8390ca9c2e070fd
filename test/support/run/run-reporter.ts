import type { Reporter, TestModule } from 'vitest/node';

const MOST = 10;
/** Of runs of fewer files everybody sees what is slow. */
const FEWEST_FILES = 20;

/** Says at the end what was slow, and with which seed what failed can be run again. */
export class RunReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], _: unknown, reason: string): void {
    if (modules.length >= FEWEST_FILES) say(slowest(modules));
    if (reason === 'failed' && process.env['HOLDFAST_TEST_FULL'] !== '1')
      say([`The same samples again: HOLDFAST_SAMPLE_SEED=${process.env['HOLDFAST_SAMPLE_SEED']} npm test`]);
  }
}

function slowest(modules: readonly TestModule[]): readonly string[] {
  const files = modules.map((module) => ({
    name: module.relativeModuleId,
    ms: module.diagnostic().duration,
  }));
  const tests = modules.flatMap((module) =>
    [...module.children.allTests()].map((test) => ({
      name: `${module.relativeModuleId} > ${test.fullName}`,
      ms: test.diagnostic()?.duration ?? 0,
    })),
  );
  return ['Slowest files:', ...longest(files), 'Slowest tests:', ...longest(tests)];
}

function longest(all: readonly { readonly name: string; readonly ms: number }[]): readonly string[] {
  return all
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, MOST)
    .map(({ name, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${name}`);
}

function say(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n\n`);
}
