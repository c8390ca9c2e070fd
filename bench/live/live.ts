import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { installHoldfast } from '../../tools/installed.ts';
import { cpuTable } from '../cpu.ts';
import { type Command, measure, settle } from '../measure.ts';
import type { Options } from '../options.ts';
import { showBars } from '../report.ts';
import { type Sample, samplesTable } from '../samples.ts';
import { type Ceph, hasCeph, startCeph } from './ceph.ts';
import { requestBars } from './live-bars.ts';
import { holdfastToFolder, holdfastToS3, type LiveTool } from './live-tools.ts';
import { startLiveMysql } from './mysql.ts';
import { type LivePostgres, startLivePostgres } from './postgres.ts';
import { type LiveServer, STEP } from './server.ts';

const SHOP = 'shop';
const RESTORED = 'restored';
/** About 5 MB of rows. */
const SMALL_ROWS = 27_000;

interface Bench {
  readonly server: LiveServer;
  readonly tools: readonly LiveTool[];
  readonly folder: string;
  readonly samples: Sample[];
}

/** A live database to a repository and back, beside the programs that people use for it. */
export async function live(folder: string, options: Options): Promise<string> {
  const program = installHoldfast(folder);
  if (options.source === 'mysql') {
    const server = await startLiveMysql();
    return measureServer({ server, program, folder, options });
  }
  const server = await startLivePostgres(options.source === 'postgres' ? 15 : 18);
  const isGiven = options.source === 'postgres' && hasCeph();
  const ceph = isGiven ? await startCeph(path.join(folder, 'ceph')) : undefined;
  return measureServer({ server, program, folder, options, s3: ceph && { ceph, server } });
}

interface LiveRun {
  readonly server: LiveServer;
  readonly program: string;
  readonly folder: string;
  readonly options: Options;
  /** To back up to as well. */
  readonly s3?: { readonly ceph: Ceph; readonly server: LivePostgres } | undefined;
}

async function measureServer({ server, program, folder, options, s3 }: LiveRun): Promise<string> {
  const { size, rounds, source } = options;
  try {
    const toS3 = s3 ? [holdfastToS3(program, s3.ceph)] : [];
    const tools = [holdfastToFolder(program), ...toS3, ...server.peers];
    const bench: Bench = { server, tools, folder, samples: [] };
    console.log('making the database');
    const holds = await server.make(SHOP, { size, folder });
    const bytes = await server.bytes(SHOP);
    for (let round = 0; round < rounds; round++) await runRound(bench, round);
    const requests = s3 && toS3[0] ? await countRequests(folder, { ...s3, tool: toS3[0] }) : undefined;
    const { samples } = bench;
    const bars = [...server.bars(samples), ...(source === 'postgres' ? requestBars(requests) : [])];
    const gaps = [...server.gaps, ...(source === 'postgres' && !s3 ? ['Ceph RGW is not installed.'] : [])];
    return [
      `${server.title}, ${(bytes / 1e6).toFixed(0)} MB as the server says: ${holds}. CPU seconds and memory are those of the client, not of the server.`,
      ...gaps.map((gap) => `Not run: ${gap}`),
      showBars(bars),
      samplesTable(samples, server.by),
      cpuTable(samples, () => bytes),
    ].join('\n\n');
  } finally {
    s3?.ceph.stop();
    await server.stop();
  }
}

async function runRound(bench: Bench, round: number): Promise<void> {
  const { server, tools, folder } = bench;
  console.log(`round ${round + 1}`);
  const url = server.url(SHOP);
  for (const tool of tools) {
    const place = placeOf(bench, tool, round);
    mkdirSync(place, { recursive: true });
    await measure(tool.init(place));
  }
  const backUp = (step: string, label: string) =>
    each(bench, round, { step, command: (tool, place) => tool.backup(place, label, url) });
  await backUp(STEP.first, 'first');
  await server.change(SHOP, round);
  await backUp(STEP.changed, 'changed');
  await backUp(STEP.unchanged, 'unchanged');
  const wanted = await server.fingerprint(SHOP);
  const hooks = {
    before: () => server.remake(RESTORED),
    after: async (tool: LiveTool) => {
      if ((await server.fingerprint(RESTORED)) !== wanted)
        throw new Error(`${tool.name} restored something else`);
    },
  };
  const to = server.url(RESTORED);
  await each(bench, round, {
    step: STEP.restore,
    command: (tool, place) => tool.restore?.(place, 'changed', to),
    ...hooks,
  });
  const uncompared = (tool: LiveTool, place: string) => tool.restoreUncompared?.(place, 'changed', to);
  await each(bench, round, { step: STEP.uncompared, command: uncompared, ...hooks });
  await rm(path.join(folder, `round-${round}`), { recursive: true });
}

function placeOf({ folder, tools }: Bench, tool: LiveTool, round: number): string {
  return path.join(folder, `round-${round}`, `tool-${tools.indexOf(tool)}`);
}

/** One step by every tool that has it; which one begins alternates with the rounds. */
async function each(
  bench: Bench,
  round: number,
  work: {
    readonly step: string;
    readonly command: (tool: LiveTool, place: string) => Command | undefined;
    readonly before?: () => Promise<void>;
    readonly after?: (tool: LiveTool) => Promise<void>;
  },
): Promise<void> {
  const { tools, samples } = bench;
  for (const tool of round % 2 === 0 ? tools : tools.toReversed()) {
    const place = placeOf(bench, tool, round);
    const command = work.command(tool, place);
    if (!command) continue;
    console.log(`${work.step}: ${tool.name}`);
    await work.before?.();
    await settle(place);
    const before = tool.storedBytes(place);
    const measured = await measure(command);
    const addedBytes = tool.storedBytes(place) - before;
    samples.push({ dataset: SHOP, tool: tool.name, step: work.step, round, addedBytes, ...measured });
    await work.after?.(tool);
  }
}

/** Requests of the first and the second backup of a small database. */
async function countRequests(
  folder: string,
  { ceph, server, tool }: { readonly ceph: Ceph; readonly server: LivePostgres; readonly tool: LiveTool },
): Promise<readonly [number, number]> {
  const name = 'small';
  await server.makeSmall(name, { rows: SMALL_ROWS, folder });
  const place = path.join(folder, 'small', 'tool');
  mkdirSync(place, { recursive: true });
  const backUp = async (label: string) => {
    const before = await ceph.requests();
    await measure(tool.backup(place, label, server.url(name)));
    return (await ceph.requests()) - before;
  };
  await measure(tool.init(place));
  const first = await backUp('first');
  await server.change(name, 1);
  return [first, await backUp('changed')];
}
