import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { seededRandom } from '../repository/rows.ts';

/** What a test starts or waits for that is not in its own process: servers, browsers, programs, templates of the CDK. */
const OUTSIDE = [
  'node:child_process',
  'aws-cdk-lib',
  'playwright-core',
  'test/support/run/shared-part.ts',
  'tools/embedded-postgres.ts',
  'tools/firebase-server/server.ts',
];
/** What a test changes for its whole process, and for the files that come after it there. */
const CHANGES_ITS_PROCESS =
  /vi\.(mock|doMock|spyOn|stubEnv|stubGlobal|useFakeTimers)\(|process\.chdir|process\.env\[[^\]]*\] =[^=]/;

/** Test files by what they need: the project of each (vitest.config.ts). */
export interface KindsOfTests {
  /** Pure: they run in the test's process alone, which many share. */
  readonly unit: readonly string[];
  /** With real servers, browsers and programs. */
  readonly real: readonly string[];
  /** In a process of their own: they change what a process has only once. */
  readonly alone: readonly string[];
}

/** Sorts test files by what they and the modules of test/ that they import, say. */
export function kindsOfTests(root: string): KindsOfTests {
  const reach = new Map<string, ReadonlySet<string>>();
  const kinds = { unit: [] as string[], real: [] as string[], alone: [] as string[] };
  for (const file of readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.test.ts')) continue;
    const place = path.join('test', file);
    if (CHANGES_ITS_PROCESS.test(readFileSync(path.join(root, place), 'utf8'))) kinds.alone.push(place);
    else if (OUTSIDE.some((name) => reached(root, place, reach).has(name))) kinds.real.push(place);
    else kinds.unit.push(place);
  }
  return kinds;
}

/**
 * One of every `n` neighbours among the files, as the seed of the samples says; all of them if files are named, and in the full
 * and the long form.
 */
export function filesInTurn(files: readonly string[], n: number): readonly string[] {
  const areAllWanted = ['HOLDFAST_TEST_FULL', 'TORTURE_SHARE'].some(
    (name) => process.env[name] !== undefined,
  );
  if (areAllWanted || process.argv.some((word) => word.startsWith('test/') || word.includes('.test.')))
    return files;
  const random = seededRandom(Number(process.env['HOLDFAST_SAMPLE_SEED']));
  const sorted = files.toSorted();
  const turns = sorted.map(() => Math.floor(random() * n));
  return sorted.filter((_, at) => at % n === turns[Math.floor(at / n)]);
}

/** All that a module imports, by way of modules of tests and tools too. */
function reached(root: string, file: string, known: Map<string, ReadonlySet<string>>): ReadonlySet<string> {
  const before = known.get(file);
  if (before) return before;
  const all = new Set<string>();
  known.set(file, all);
  const text = readFileSync(path.join(root, file), 'utf8');
  for (const [, name = ''] of text.matchAll(
    /^(?:import|export) (?!type )[^;]*?from '([^']+)'|import\('([^']+)'\)/gms,
  )) {
    const place = name.startsWith('.')
      ? path.join(path.dirname(file), name)
      : name.startsWith('node:')
        ? name
        : (name.split('/')[0] ?? name);
    all.add(place);
    // Some stand in the text of another program.
    if (/^(test|tools)\/.*\.ts$/.test(place) && existsSync(path.join(root, place)))
      for (const further of reached(root, place, known)) all.add(further);
  }
  return all;
}
