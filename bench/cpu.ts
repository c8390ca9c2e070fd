import { codeTable, spread } from './report.ts';
import type { Sample } from './samples.ts';

/** A function has one vCPU for each 1,769 MB of memory that it is given. */
const MB_OF_A_VCPU = 1769;
/** Of a function on arm64 in us-east-1, November 2026: docs/guide/operations.md. */
const USD_PER_GB_SECOND = 0.0000133334;
const USD_OF_A_CPU_SECOND = (MB_OF_A_VCPU / 1024) * USD_PER_GB_SECOND;

/**
 * CPU seconds that each step took per GB of plain data, and what they would cost in a function that is given the memory of
 * one vCPU and is busy all the time: no reading, waiting or storing.
 *
 * @param bytesOf a dataset, plain
 */
export function cpuTable(samples: readonly Sample[], bytesOf: (dataset: string) => number): string {
  const groups = Map.groupBy(samples, ({ step, tool }) => `${step}\n${tool}`);
  const rows = [...groups.values()].map((group) => {
    const [{ step, tool } = { step: '', tool: '' }] = group;
    const perGB = spread(group.map(({ cpuS, dataset }) => cpuS / (bytesOf(dataset) / 1e9))).median;
    return [step, tool, perGB.toFixed(1), (perGB * USD_OF_A_CPU_SECOND).toFixed(5)];
  });
  const heading = `CPU seconds per GB of data, and what they cost on Lambda: $${USD_PER_GB_SECOND} a GB-second (arm64, us-east-1), ${MB_OF_A_VCPU.toLocaleString('en-US')} MB for each vCPU.`;
  return `${heading}\n\n${codeTable(['STEP', 'TOOL', 'CPU S PER GB', 'USD PER GB'], rows)}`;
}
