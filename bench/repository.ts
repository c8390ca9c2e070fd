import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { hasCeph, startCeph } from './live/ceph.ts';
import { measure } from './measure.ts';
import type { Options } from './options.ts';
import { codeTable, megabytes, showBars, spread } from './report.ts';
import type { RepositoryResult, ViewsResult } from './repository-run.ts';

const PLAIN = 'plain listing';
const QUICK_STEPS = ['list', 'status', 'watchdog', 'first page of the API'] as const;
const LONG_STEPS = ['prune --dry-run', 'verify --all --quick'] as const;
const NODE = (readFileSync('bin/holdfast.js', 'utf8').split('\n', 1)[0] ?? '').slice(2).split(' ');
/** Packs of 8 MiB in a gigabyte are 120; a bit more than half of each is used. */
const PACKS_A_GB = 40;
const BACKUPS = 500;
/** Of a console. */
const MANY_BACKUPS = 5000;
const MANY_PACKS = 20;

export interface Row extends RepositoryResult {
  readonly gb: number;
  readonly store: string;
  readonly step: string;
}

/** What shows, prunes and verifies repositories that hold 10, 100 and 1,000 GB, 500 backups and 2,000 reports. */
export async function repository(folder: string, { quick, full, only }: Options): Promise<string> {
  const rows: Row[] = [];
  const sizes = only !== undefined ? [Number(only)] : quick ? [1] : [10, 100, 1000];
  const measureAll = async (
    store: string,
    place: string,
    gb: number,
    env: Readonly<Record<string, string>>,
  ) => {
    console.log(`${gb} GB, ${store}: make`);
    await run('make', place, { gb, env, folder });
    for (const step of [PLAIN, ...QUICK_STEPS, ...LONG_STEPS]) {
      console.log(`${gb} GB, ${store}: ${step}`);
      const result = await run(step, place, { gb, env, folder });
      if (result) rows.push({ gb, store, step, ...result });
    }
  };
  for (const gb of sizes) {
    const place = path.join(folder, `${gb}`);
    await measureAll('folder', place, gb, {});
    await rm(place, { recursive: true });
  }
  // A gateway of our own takes minutes to be given 40,000 objects.
  for (const gb of hasCeph() ? (full ? sizes : sizes.filter((gb) => gb <= 100)) : []) {
    const ceph = await startCeph(path.join(folder, `ceph-${gb}`));
    try {
      await measureAll('Ceph RGW', `s3:${ceph.bucket}`, gb, ceph.env);
    } finally {
      ceph.stop();
    }
  }
  return reportOf(rows, full && hasCeph() ? await measureViews(folder) : undefined);
}

async function run(
  step: string,
  place: string,
  {
    gb,
    env,
    folder,
  }: { readonly gb: number; readonly env: Readonly<Record<string, string>>; readonly folder: string },
): Promise<RepositoryResult | undefined> {
  const result = path.join(folder, 'result.json');
  await measure({
    argv: [...NODE, 'bench/repository-run.ts', step, place, String(gb * PACKS_A_GB), String(BACKUPS), result],
    env,
  });
  return step === 'make' ? undefined : (JSON.parse(readFileSync(result, 'utf8')) as RepositoryResult);
}

/** @param views of a repository of 5,000 backups on Ceph RGW; undefined: not measured */
export function reportOf(rows: readonly Row[], views: ViewsResult | undefined): string {
  const most = (steps: readonly string[], of: (row: Row) => number) =>
    spread([Math.max(...rows.filter(({ step }) => steps.includes(step)).map(of))]);
  const bars = [
    {
      measure: 'list, status, watchdog, first page: seconds',
      limit: 1.5,
      measured: most(QUICK_STEPS, ({ wallS }) => wallS),
    },
    {
      measure: 'the same: peak memory, MB',
      limit: 150,
      measured: most(QUICK_STEPS, ({ peakBytes }) => peakBytes / 1e6),
    },
    {
      measure: 'the same: fetched, MB',
      limit: 10,
      measured: most(QUICK_STEPS, ({ counts }) => counts.bytesDown / 1e6),
    },
    {
      measure: 'prune --dry-run, verify --all --quick: peak memory, MB',
      limit: 300,
      measured: most(LONG_STEPS, ({ peakBytes }) => peakBytes / 1e6),
    },
  ];
  if (views) bars.push(...barsOf(views));
  const cells = rows.map(({ gb, store, step, wallS, cpuS, peakBytes, counts }) => [
    String(gb),
    store,
    step,
    wallS.toFixed(2),
    cpuS.toFixed(2),
    megabytes(peakBytes),
    megabytes(counts.bytesDown),
    String(counts.gets + counts.heads + counts.lists),
  ]);
  return `500 backups of one source, a day each, and 2,000 reports (verify, audit, prune, drill). ${PACKS_A_GB} packs a GB; a five-hundredth of them goes every day, and as many come. Packs are sparse files of 8 MiB in the folder, and of 1 byte on Ceph RGW: none is read. Manifests, catalogs and lists are written as every backup's are. Fetched: bodies of objects, without listings.

${showBars(bars)}

${codeTable(['GB', 'STORE', 'STEP', 'SECONDS', 'CPU S', 'PEAK MB', 'FETCHED MB', 'CALLS'], cells)}

Manifests and reports are in a bundle, as a prune leaves them. The plain listing asks for the names of backups, reports and packs, in turn, and does nothing with them. Calls count a long listing once.${views ? viewsText(views) : ''}`;
}

/** What a console asks of 5,000 backups and 20,000 reports, by one process. */
async function measureViews(folder: string): Promise<ViewsResult> {
  const ceph = await startCeph(path.join(folder, 'ceph-views'));
  const result = path.join(folder, 'views.json');
  const counts = [String(MANY_PACKS), String(MANY_BACKUPS), result];
  try {
    for (const step of ['make', 'views']) {
      console.log(`${MANY_BACKUPS} backups, Ceph RGW: ${step}`);
      const argv = [...NODE, 'bench/repository-run.ts', step, `s3:${ceph.bucket}`, ...counts];
      await measure({ argv, env: ceph.env });
    }
    return JSON.parse(readFileSync(result, 'utf8')) as ViewsResult;
  } finally {
    ceph.stop();
  }
}

function barsOf({ rows }: ViewsResult) {
  const later = rows.filter(({ view }) => !view.startsWith('plain') && !view.startsWith('overview'));
  const cold = rows.find(({ view }) => view.startsWith('overview'))?.wallS ?? 0;
  const longest = Math.max(...later.map(({ wallS }) => wallS));
  return [
    { measure: 'console, 5,000 backups: overview, cold, seconds', limit: 1.5, measured: spread([cold]) },
    { measure: 'the same: the longest later view, seconds', limit: 0.5, measured: spread([longest]) },
  ];
}

function viewsText({ rows, peakBytes }: ViewsResult): string {
  const plain = rows[0]?.wallS ?? 1;
  const cells = rows.map(({ view, wallS, calls }) => [
    view,
    wallS.toFixed(2),
    (wallS / plain).toFixed(2),
    String(calls),
  ]);
  return `

A console over 5,000 backups and 20,000 reports on Ceph RGW, one process, ${megabytes(peakBytes)} MB at most:

${codeTable(['VIEW', 'SECONDS', 'TO A PLAIN LISTING', 'CALLS'], cells)}`;
}
