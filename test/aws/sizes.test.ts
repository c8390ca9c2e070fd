import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { API_FUNCTION_NAMES, FUNCTION_NAMES, OPTIONAL_FUNCTION_NAMES } from '../../shared/config/aws.ts';
import { type BundleSize, bundleSizes } from '../../tools/build-lambdas.ts';
import { builtLambdas } from '../support/aws/bundles.ts';

const MOST_CODE_BYTES = 1_600_000;
/** What a size may differ from what the documents say before they must be changed. */
const LEEWAY_MB = 0.04;

interface Range {
  readonly least: number;
  readonly most: number;
}
interface Row {
  readonly names: readonly string[];
  readonly code: Range;
  readonly pgDump: Range;
  readonly zip: Range;
}

describe('bundles of functions', () => {
  let sizes: readonly BundleSize[];
  beforeAll(async () => {
    sizes = await bundleSizes(await builtLambdas());
  });

  it('have at most 1.6 MB of code each', () => {
    const functions = sizes.filter(({ name }) => name !== 'task');
    expect(functions.map(({ name }) => name)).toEqual(
      [...FUNCTION_NAMES, ...API_FUNCTION_NAMES, ...OPTIONAL_FUNCTION_NAMES].toSorted(),
    );
    expect(functions.filter(({ codeBytes }) => codeBytes > MOST_CODE_BYTES)).toEqual([]);
  });

  it('are as large as docs/reference/functions.md says, each in one row', () => {
    const rows = documentedRows();
    expect(rows.flatMap(({ names }) => names).toSorted()).toEqual(sizes.map(({ name }) => name));
    for (const { names, code, pgDump, zip } of rows) {
      const built = sizes.filter(({ name }) => names.includes(name));
      expectRange(
        built.map(({ codeBytes }) => codeBytes),
        code,
      );
      expectRange(
        built.map(({ wasmBytes }) => wasmBytes),
        pgDump,
      );
      expectRange(
        built.map(({ packedBytes }) => packedBytes),
        zip,
      );
    }
  });

  it('are as large as the README says', () => {
    const sentence = /([\d.]+ to [\d.]+ MB) of code each, ([\d.]+ to [\d.]+ MB) zipped/;
    const [, code = '', zip = ''] = sentence.exec(readFileSync('README.md', 'utf8')) ?? [];
    const functions = sizes.filter(({ name }) => name !== 'task');
    expectRange(
      functions.map(({ codeBytes }) => codeBytes),
      rangeOf(code),
    );
    expectRange(
      functions.map(({ packedBytes }) => packedBytes),
      rangeOf(zip),
    );
  });
});

function documentedRows(): Row[] {
  const [, table = ''] =
    /\| function \| code \|.*\n\| ---.*\n((?:\|.*\n)+)/.exec(
      readFileSync('docs/reference/functions.md', 'utf8'),
    ) ?? [];
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [names = '', code = '', pgDump = '', zip = ''] = line.split('|').slice(1, -1);
      return {
        names: names.replace(/\(.*\)/, '').match(/[a-z-]+/g) ?? [],
        code: rangeOf(code),
        pgDump: rangeOf(pgDump),
        zip: rangeOf(zip),
      };
    });
}

/** Of `0.85 to 0.89 MB`, or of one size; nothing is none. */
function rangeOf(text: string): Range {
  const numbers = (text.match(/[\d.]+/g) ?? ['0']).map(Number);
  return { least: Math.min(...numbers), most: Math.max(...numbers) };
}

function expectRange(bytes: readonly number[], { least, most }: Range): void {
  const megabytes = bytes.map((size) => size / 1e6);
  expect(Math.abs(Math.min(...megabytes) - least)).toBeLessThan(LEEWAY_MB);
  expect(Math.abs(Math.max(...megabytes) - most)).toBeLessThan(LEEWAY_MB);
}
