import { mkdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { installHoldfast } from '../tools/installed.ts';
import { compareBars } from './compare-bars.ts';
import { cpuTable } from './cpu.ts';
import { type Dataset, datasets } from './data/datasets.ts';
import { fileDataset } from './data/file.ts';
import { bytesOf, type Command, measure, settle, sha256 } from './measure.ts';
import type { Options } from './options.ts';
import { showBars } from './report.ts';
import { type Sample, samplesTable } from './samples.ts';
import { describeTools, isThere, newRepositories, type Tool, tools } from './tools.ts';

const DAYS = 16;
const QUICK_DAYS = 3;
/** Of the dataset whose daily backups are restored. */
const DAILY_DATASET = 'table';

const PEER = { name: 'restic', title: 'BY RESTIC' };

/** What all steps of a dataset share. */
interface Bench {
  readonly dataset: Dataset;
  readonly tools: readonly Tool[];
  readonly folder: string;
  /** The file that is backed up; its versions are moved here, as the path chooses the parent. */
  readonly file: string;
  readonly samples: Sample[];
}

/** Every dataset, every step, every tool in turn, round by round. */
export async function compare(folder: string, options: Options): Promise<string> {
  const chosen = await choose(options);
  const known = tools(installHoldfast(folder));
  const present = known.filter(isThere);
  const samples: Sample[] = [];
  const sections: string[] = [];
  const sizes = new Map<string, number>();
  for (const dataset of chosen) {
    const place = path.join(folder, dataset.name);
    mkdirSync(place);
    const bench = {
      dataset,
      tools: present,
      folder: place,
      file: path.join(place, `${dataset.name}.txt`),
      samples,
    };
    const bytes = await runDataset(bench, options);
    sizes.set(dataset.name, bytes);
    const own = samples.filter((sample) => sample.dataset === dataset.name);
    const heading = `## ${dataset.name}\n\n${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB: ${dataset.about}.`;
    sections.push([heading, samplesTable(own, PEER), cpuTable(own, () => bytes)].join('\n\n'));
    await rm(place, { recursive: true });
  }
  return `${describeTools(known)}\n\n${showBars(compareBars(samples, sizes))}\n\n${sections.join('\n\n')}`;
}

/** The user's file alone, or what `--only` names of those that are made. */
async function choose({ size, only, data }: Options): Promise<readonly Dataset[]> {
  if (data !== undefined) return [await fileDataset(data)];
  const all = datasets(size);
  const chosen = all.filter(({ name }) => only === undefined || name === only);
  if (chosen.length > 0) return chosen;
  throw new Error(`--only is '${only}'; there are ${all.map(({ name }) => name).join(', ')}`);
}

/** @returns bytes of the first version */
async function runDataset(bench: Bench, { rounds, quick }: Options): Promise<number> {
  const { dataset, folder } = bench;
  const first = path.join(folder, 'first');
  const changed = path.join(folder, 'changed');
  await dataset.write(first);
  await dataset.change(first, changed, 1);
  const wanted = await sha256(first);
  for (let round = 0; round < rounds; round++) {
    console.log(`${dataset.name}: round ${round + 1} of ${rounds}`);
    await runRound(bench, { round, first, changed, wanted });
  }
  const bytes = bytesOf(first);
  if (dataset.name === DAILY_DATASET)
    await runDays(bench, { first, rounds, days: quick ? QUICK_DAYS : DAYS });
  return bytes;
}

async function runRound(
  bench: Bench,
  data: { readonly round: number; readonly first: string; readonly changed: string; readonly wanted: string },
): Promise<void> {
  const { file } = bench;
  const { round, first, changed, wanted } = data;
  const place = path.join(bench.folder, `round-${round}`);
  await newRepositories(bench.tools, place);
  await rename(first, file);
  await each(bench, round, 'first backup', {
    place,
    inputs: [file],
    command: (tool, own) => tool.backup(own, file, 'first'),
  });
  await rename(file, first);
  await rename(changed, file);
  for (const [step, label, force] of [
    ['1 % changed', 'changed', false],
    ['unchanged', 'unchanged', true],
  ] as const) {
    await each(bench, round, step, {
      place,
      inputs: [file],
      command: (tool, own) => tool.backup(own, file, label, { force }),
    });
  }
  await restoreEach(bench, { round, step: 'restore', label: 'first', place, wanted });
  await rename(file, changed);
  await rm(place, { recursive: true });
}

/** A backup a day into the same repositories, then the last day's is restored as often as there are rounds. */
async function runDays(
  bench: Bench,
  { first, rounds, days }: { readonly first: string; readonly rounds: number; readonly days: number },
): Promise<void> {
  const { dataset, file } = bench;
  const daily = { ...bench, tools: bench.tools.filter(({ deduplicates }) => deduplicates) };
  const place = path.join(bench.folder, 'days');
  await newRepositories(daily.tools, place);
  await rename(first, file);
  for (let day = 0; day <= days; day++) {
    if (day > 0) {
      await dataset.change(file, first, day);
      await rename(first, file);
    }
    console.log(`${dataset.name}: day ${day} of ${days}`);
    for (const tool of daily.tools)
      await measure(tool.backup(path.join(place, tool.name), file, `day-${day}`));
  }
  const wanted = await sha256(file);
  const step = `restore after ${days} days`;
  for (let round = 0; round < rounds; round++)
    await restoreEach(daily, { round, step, label: `day-${days}`, place, wanted });
}

async function restoreEach(
  bench: Bench,
  options: {
    readonly round: number;
    readonly step: string;
    readonly label: string;
    readonly place: string;
    readonly wanted: string;
  },
): Promise<void> {
  const { round, step, label, place, wanted } = options;
  const targetOf = (own: string) => path.join(own, 'restored');
  await each(bench, round, step, {
    place,
    inputs: [],
    command: (tool, own) => tool.restore(own, label, targetOf(own)),
    after: async (tool, own) => {
      if ((await sha256(tool.restored(targetOf(own), bench.file))) !== wanted)
        throw new Error(`${tool.name} restored something else`);
      await rm(targetOf(own), { recursive: true });
    },
  });
}

/** One step by every tool; which one begins alternates with the rounds. */
async function each(
  { tools, dataset, samples }: Bench,
  round: number,
  step: string,
  work: {
    readonly place: string;
    /** Files read before each measure; the repository is as well. */
    readonly inputs: readonly string[];
    readonly command: (tool: Tool, own: string) => Command;
    readonly after?: (tool: Tool, own: string) => Promise<void>;
  },
): Promise<void> {
  for (const tool of round % 2 === 0 ? tools : tools.toReversed()) {
    const own = path.join(work.place, tool.name);
    const repository = path.join(own, 'repository');
    await settle(repository, ...work.inputs);
    const before = bytesOf(repository);
    const measured = await measure(work.command(tool, own));
    const addedBytes = bytesOf(repository) - before;
    samples.push({ dataset: dataset.name, tool: tool.name, step, round, addedBytes, ...measured });
    await work.after?.(tool, own);
  }
}
