import { mkdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { installHoldfast } from '../tools/installed.ts';
import { yearOfChurn } from './churn-year.ts';
import { appendedTable, type Dataset, tableDump } from './data/datasets.ts';
import { bytesOf, measure, sha256 } from './measure.ts';
import type { Options } from './options.ts';
import { codeTable, megabytes, type Spread, showBars, showRatio, spread } from './report.ts';
import { describeTools, isThere, newRepositories, type Tool, tools } from './tools.ts';

/** Of the bar. */
const DAYS = 30;
const QUICK_DAYS = 7;
const FIRST_DAY = Date.UTC(2026, 0, 1, 2);
const DAY_MS = 86_400_000;
const PEER = 'restic';

/** What one tool's repository was like. */
interface Series {
  readonly tool: string;
  /** Bytes after each day, with what was expired by then removed. */
  readonly bytes: number[];
  /** Seconds of all backups, and of expiring. */
  backupS: number;
  expireS: number;
}

/** A backup a day: how large each tool's repository becomes. */
export async function churn(folder: string, { quick, full, size }: Options): Promise<string> {
  const days = quick ? QUICK_DAYS : DAYS;
  const rows = Math.ceil((full ? 2_500_000 : 300_000) * size);
  const known = tools(installHoldfast(folder)).filter(({ deduplicates }) => deduplicates);
  const sections: string[] = [];
  let bar: Spread | undefined;
  for (const dataset of [tableDump(rows), appendedTable(rows)]) {
    const place = path.join(folder, dataset.name);
    mkdirSync(place);
    const series = await runDays(dataset, known.filter(isThere), { place, days });
    sections.push(`## ${dataset.name}\n\n${dataset.about}.\n\n${showSeries(series)}`);
    if (dataset.name === 'table' && days === DAYS) bar = lastRatio(series);
    await rm(place, { recursive: true });
  }
  const year = await yearOfChurn({ quick });
  const bars = [
    {
      measure: `repository after ${DAYS} days of 1 % random churn, by ${PEER}`,
      limit: 1 / 18,
      measured: bar,
    },
    ...year.bars,
  ];
  return `${about(known, days)}\n\n${showBars(bars)}\n\n${sections.join('\n\n')}\n\n${year.section}`;
}

function about(known: readonly Tool[], days: number): string {
  const own = known.some(({ name, expire }) => name === 'holdfast' && expire)
    ? 'Holdfast keeps the last 30 and runs `prune` without grace.'
    : 'Holdfast removes nothing, as nothing is older than 30 days.';
  return `${describeTools(known)}

A first backup and one after each of ${days} days, then what each tool keeps for 30 days: restic runs \`forget --keep-daily 30 --prune\`, borg \`prune --keep-daily 30\` and \`compact\`. ${own} The last day's backup is restored and compared.`;
}

async function runDays(
  dataset: Dataset,
  present: readonly Tool[],
  { place, days }: { readonly place: string; readonly days: number },
): Promise<Series[]> {
  const file = path.join(place, 'table.txt');
  const next = path.join(place, 'next.txt');
  await newRepositories(present, place);
  await dataset.write(file);
  const series = present.map(({ name }): Series => ({ tool: name, bytes: [], backupS: 0, expireS: 0 }));
  for (let day = 0; day <= days; day++) {
    if (day % 5 === 0) console.log(`${dataset.name}: day ${day} of ${days}`);
    if (day > 0) {
      await dataset.change(file, next, day);
      await rename(next, file);
    }
    for (const [i, tool] of present.entries()) await runDay(tool, series[i], { place, file, day });
  }
  const wanted = await sha256(file);
  for (const tool of present) await checkRestore(tool, { place, file, label: `day-${days}`, wanted });
  return series;
}

async function runDay(
  tool: Tool,
  series: Series | undefined,
  { place, file, day }: { readonly place: string; readonly file: string; readonly day: number },
): Promise<void> {
  const own = path.join(place, tool.name);
  const at = new Date(FIRST_DAY + day * DAY_MS);
  const { wallS: backupS } = await measure(tool.backup(own, file, `day-${day}`, { at }));
  const expired = tool.expire ? await measure(tool.expire(own)) : undefined;
  if (!series) return;
  series.backupS += backupS;
  series.expireS += expired?.wallS ?? 0;
  series.bytes.push(bytesOf(path.join(own, 'repository')));
}

async function checkRestore(
  tool: Tool,
  {
    place,
    file,
    label,
    wanted,
  }: { readonly place: string; readonly file: string; readonly label: string; readonly wanted: string },
): Promise<void> {
  const own = path.join(place, tool.name);
  const target = path.join(own, 'restored');
  await measure(tool.restore(own, label, target));
  if ((await sha256(tool.restored(target, file))) !== wanted)
    throw new Error(`${tool.name} restored something else`);
}

function lastRatio(series: readonly Series[]): Spread | undefined {
  const last = (name: string) => series.find(({ tool }) => tool === name)?.bytes.at(-1);
  const [own, peer] = [last('holdfast'), last(PEER)];
  return own === undefined || peer === undefined ? undefined : spread([own / peer]);
}

function showSeries(series: readonly Series[]): string {
  const days = (series[0]?.bytes ?? []).map((_, day) => [
    String(day),
    ...series.map(({ bytes }) => megabytes(bytes[day] ?? Number.NaN)),
  ]);
  const header = ['DAY', ...series.map(({ tool }) => `${tool.toUpperCase()} MB`)];
  const seconds = series.map(
    ({ tool, backupS, expireS }) =>
      `${tool}: ${backupS.toFixed(1)} s for all backups, ${expireS.toFixed(1)} s for expiring.`,
  );
  return `${codeTable(header, days)}\n\nAt the end holdfast has ${showRatio(lastRatio(series))} of ${PEER}'s bytes. ${seconds.join(' ')}`;
}
