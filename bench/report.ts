import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { DEFAULT_FORMAT } from '../shared/core/format-version.ts';
import { commandOf, type Options, type ProgramName, resultsFile } from './options.ts';
import { run } from './tools.ts';

/** A median with the least and most of what was measured. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @param numbers at least one */
export function spread(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (place: number) => sorted[Math.floor(place)] ?? Number.NaN;
  return { median: at(sorted.length / 2), least: at(0), most: at(sorted.length - 1) };
}

/** `0.72 (0.53-0.84)`, or without its spread if there is none. */
export function showRatio(of: Spread | undefined): string {
  if (!of) return '-';
  const text = (value: number) => value.toFixed(value < 0.1 ? 4 : 2);
  const { median, least, most } = of;
  return least === most ? text(median) : `${text(median)} (${text(least)}-${text(most)})`;
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}

/** A table as Markdown shows it best: as it is. */
export function codeTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const isNumber = header.map((_, i) => rows.every((row) => /^[\d-]/.test(row[i] ?? '')));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return ['```', line(header), ...rows.map(line), '```'].join('\n');
}

/** A limit that was set before measuring. */
export interface Bar {
  readonly measure: string;
  readonly limit: number;
  /** Undefined if it was not measured in this run. */
  readonly measured: Spread | undefined;
}

/** The median is what counts. */
export function showBars(bars: readonly Bar[]): string {
  const rows = bars.map(({ measure, limit, measured }) => [
    measure,
    limit >= 10 ? String(limit) : String(Number(limit.toFixed(4))),
    showRatio(measured),
    !measured ? 'not measured' : measured.median <= limit ? 'met' : 'not met',
  ]);
  return `## Bars\n\n${codeTable(['MEASURE', 'AT MOST', 'MEASURED', 'RESULT'], rows)}`;
}

/** Shows a report; writes it if the options say so. */
export function publish(report: string, options: Options): void {
  const { isWritten, rounds, size, data } = options;
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; Node ${process.version}; commit ${commit()}; repositories of format ${DEFAULT_FORMAT}.`;
  const part =
    size < 1 ? ` ${Number(size.toFixed(4))} of the full size: start-up time weighs more than it would.` : '';
  const often = HAVE_ROUNDS.includes(options.program)
    ? ` Rounds: ${rounds}; medians, with least and most.`
    : '';
  const whole = `# Results of \`${commandOf(options)}${data === undefined ? '' : ' --data'}\`\n\n${machine}${often}${part}\n\n${report}\n`;
  console.log(`\n${whole}`);
  const file = resultsFile(options);
  if (!isWritten) return;
  writeFileSync(file, whole);
  console.log(`written to ${file}`);
}

const HAVE_ROUNDS: readonly ProgramName[] = ['compare', 'live', 'scale', 'start', 'cold', 'inside'];

function commit(): string {
  try {
    const dirty =
      run({ argv: ['git', 'status', '--porcelain', 'shared', 'cli', 'bin'] }) === '' ? '' : ', changed';
    return `${run({ argv: ['git', 'rev-parse', '--short', 'HEAD'] })}${dirty}`;
  } catch {
    return 'unknown';
  }
}
