import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { PostgresServer } from '../tools/embedded-postgres.ts';
import { installHoldfast } from '../tools/installed.ts';
import { liveBars } from './live-bars.ts';
import { type Ceph, hasCeph, startCeph } from './live-ceph.ts';
import {
  changeSome,
  databaseBytes,
  fingerprint,
  hasPostgres,
  makeDatabase,
  remakeDatabase,
  startServer,
} from './live-database.ts';
import { holdfastToFolder, holdfastToS3, type LiveTool, pgDumpCustom, pgDumpPipeline } from './live-tools.ts';
import { type Command, measure, settle } from './measure.ts';
import type { Options } from './options.ts';
import { showBars } from './report.ts';
import { type Sample, samplesTable } from './samples.ts';

const SHOP = 'shop';
const RESTORED = 'restored';
const PEER = { name: pgDumpCustom.name, title: 'BY PG_DUMP -FC' };
/** About 5 MB of rows. */
const SMALL_ROWS = 27_000;

interface Bench {
  readonly server: PostgresServer;
  readonly tools: readonly LiveTool[];
  readonly folder: string;
  readonly samples: Sample[];
}

/** A live PostgreSQL to a repository and back, beside pg_dump. */
export async function live(folder: string, { quick, rounds }: Options): Promise<string> {
  if (!hasPostgres()) throw new Error('PostgreSQL 15 is not installed: apt-get install postgresql-15');
  const program = installHoldfast(folder);
  const size = quick ? { rows: 100_000, pgbenchScale: 1 } : { rows: 1_000_000, pgbenchScale: 10 };
  const server = await startServer();
  const ceph = hasCeph() ? await startCeph(path.join(folder, 'ceph')) : undefined;
  try {
    const s3 = ceph ? [holdfastToS3(program, ceph)] : [];
    const tools = [holdfastToFolder(program), ...s3, pgDumpCustom, pgDumpPipeline];
    const bench: Bench = { server, tools, folder, samples: [] };
    await makeDatabase(server, SHOP, { ...size, folder });
    const bytes = await databaseBytes(server, SHOP);
    for (let round = 0; round < rounds; round++) await runRound(bench, round);
    const requests = ceph ? await countRequests(bench, ceph, s3) : undefined;
    const about = `PostgreSQL 15, ${(bytes / 1e6).toFixed(0)} MB as \`pg_database_size\` says: a table of ${size.rows.toLocaleString('en-US')} rows of varied text and pgbench's tables at scale ${size.pgbenchScale}. CPU seconds and memory are those of the client, not of the server.`;
    const gaps = ceph ? '' : '\n\nNot run: Ceph RGW is not installed.';
    return `${about}${gaps}\n\n${showBars(liveBars(bench.samples, requests))}\n\n${samplesTable(bench.samples, PEER)}`;
  } finally {
    ceph?.stop();
    await server.stop();
  }
}

async function runRound(bench: Bench, round: number): Promise<void> {
  const { server, tools, folder } = bench;
  console.log(`round ${round + 1}`);
  const placeOf = (tool: LiveTool) => path.join(folder, `round-${round}`, `tool-${tools.indexOf(tool)}`);
  const url = server.url(SHOP);
  for (const tool of tools) {
    mkdirSync(placeOf(tool), { recursive: true });
    await measure(tool.init(placeOf(tool)));
  }
  const each = async (
    step: string,
    command: (tool: LiveTool, place: string) => Command,
    hooks: { readonly before?: () => Promise<void>; readonly after?: () => Promise<void> } = {},
  ) => {
    for (const tool of round % 2 === 0 ? tools : tools.toReversed()) {
      const place = placeOf(tool);
      await hooks.before?.();
      await settle(place);
      const before = tool.storedBytes(place);
      const measured = await measure(command(tool, place));
      const addedBytes = tool.storedBytes(place) - before;
      bench.samples.push({ dataset: SHOP, tool: tool.name, step, round, addedBytes, ...measured });
      await hooks.after?.();
    }
  };
  await each('first backup', (tool, place) => tool.backup(place, 'first', url));
  await changeSome(server, SHOP, round);
  await each('1 % changed', (tool, place) => tool.backup(place, 'changed', url));
  const wanted = await fingerprint(server, SHOP);
  await each('restore', (tool, place) => tool.restore(place, 'changed', server.url(RESTORED)), {
    before: () => remakeDatabase(server, RESTORED),
    after: async () => {
      if ((await fingerprint(server, RESTORED)) !== wanted) throw new Error('something else was restored');
    },
  });
  await rm(path.join(folder, `round-${round}`), { recursive: true });
}

/** Requests of the first and the second backup of a small database. */
async function countRequests(
  { server, folder }: Bench,
  ceph: Ceph,
  [tool]: readonly LiveTool[],
): Promise<readonly [number, number] | undefined> {
  if (!tool) return undefined;
  const name = 'small';
  await makeDatabase(server, name, { rows: SMALL_ROWS, pgbenchScale: 0, folder });
  const place = path.join(folder, 'small', 'tool');
  const backUp = async (label: string) => {
    const before = await ceph.requests();
    await measure(tool.backup(place, label, server.url(name)));
    return (await ceph.requests()) - before;
  };
  await measure(tool.init(place));
  const first = await backUp('first');
  await changeSome(server, name, 1);
  return [first, await backUp('changed')];
}
