import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { endlessRows } from './data/endless.ts';
import { bytesOf, measure } from './measure.ts';
import type { Options } from './options.ts';
import { codeTable, megabytes, showBars, spread } from './report.ts';
import type { ScaleResult, ScaleStep } from './scale-run.ts';
import { NODE } from './tools.ts';

const STEPS: readonly ScaleStep[] = ['first backup', '1 % changed', 'read back'];
const GB = 1e9;

interface Row extends ScaleResult {
  readonly gb: number;
  readonly step: ScaleStep;
  readonly addedBytes: number;
}

/** The engine on ever more rows, which are made while they are read and kept nowhere. */
export async function scale(folder: string, { full, size, rounds }: Options): Promise<string> {
  const sizes = [0.1, 1, ...(full ? [10] : [])].map((gb) => Number((gb * size).toPrecision(3)));
  const rows: Row[] = [];
  let peak = 0;
  for (const gb of sizes) {
    const found: Row[] = [];
    for (let round = 0; round < rounds; round++) {
      const repository = path.join(folder, `${gb}`);
      for (const step of STEPS) {
        console.log(`${gb} GB, round ${round + 1} of ${rounds}: ${step}`);
        found.push(await runStep(repository, { gb, step, folder }));
      }
      await rm(repository, { recursive: true });
    }
    peak = Math.max(peak, ...found.map(({ peakBytes }) => peakBytes / 1e6));
    rows.push(...STEPS.flatMap((step) => medianOf(found.filter((row) => row.step === step))));
  }
  const bars = [{ measure: 'peak memory of any size and step, MB', limit: 300, measured: spread([peak]) }];
  return `Rows as of a table dump, made in the process that backs them up (which is ${generationS().toFixed(2)} s per GB of its wall time), to a folder that is then removed. The engine runs from its sources, in a process for each step. Read back: every byte of the second backup, compared by SHA-256.

${showBars(bars)}

${showRows(rows)}

${STEPS.map((step) => growth(rows.filter((row) => row.step === step))).join('\n')}`;
}

/** The round whose wall time is the median, with the highest memory of all. */
function medianOf(rows: readonly Row[]): Row[] {
  const median = rows.toSorted((a, b) => a.wallS - b.wallS)[Math.floor(rows.length / 2)];
  return median ? [{ ...median, peakBytes: Math.max(...rows.map(({ peakBytes }) => peakBytes)) }] : [];
}

async function runStep(
  repository: string,
  { gb, step, folder }: { readonly gb: number; readonly step: ScaleStep; readonly folder: string },
): Promise<Row> {
  const result = path.join(folder, 'result.json');
  const before = step === 'first backup' ? 0 : bytesOf(repository);
  await measure({ argv: [...NODE, 'bench/scale-run.ts', step, repository, String(gb * GB), result] });
  const addedBytes = bytesOf(repository) - before;
  return { gb, step, addedBytes, ...(JSON.parse(readFileSync(result, 'utf8')) as ScaleResult) };
}

function showRows(rows: readonly Row[]): string {
  const cells = rows.map(({ gb, step, wallS, cpuS, peakBytes, addedBytes, requests }) => [
    String(gb),
    step,
    wallS.toFixed(2),
    (wallS / gb).toFixed(2),
    cpuS.toFixed(2),
    (peakBytes / 1e6).toFixed(0),
    step === 'read back' ? '-' : megabytes(addedBytes),
    String(requests.puts),
    String(requests.gets),
    String(requests.heads + requests.lists),
  ]);
  return codeTable(
    ['GB', 'STEP', 'WALL S', 'S PER GB', 'CPU S', 'PEAK MB', 'ADDED MB', 'PUTS', 'GETS', 'HEADS, LISTS'],
    cells,
  );
}

/** How time and memory of one step grow from the smallest to the largest size. */
function growth(rows: readonly Row[]): string {
  const [least, most] = [rows[0], rows.at(-1)];
  if (!least || !most) return '';
  const times = (by: number) => `${by.toFixed(2)} times`;
  return `- ${most.step}: ${times(most.gb / least.gb)} the data take ${times(most.wallS / least.wallS)} as long and ${times(most.peakBytes / least.peakBytes)} the memory.`;
}

/** Seconds per GB; without those of the first block, which has to make what is then repeated. */
function generationS(): number {
  const blocks = endlessRows(0.3 * GB, 1);
  blocks.next();
  const began = performance.now();
  let given = 0;
  for (const block of blocks) given += block.length;
  return ((performance.now() - began) / 1000) * (GB / given);
}
