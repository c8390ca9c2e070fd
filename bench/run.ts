import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { table } from '../cli/format.ts';
import { churn, writeTable } from './data.ts';
import { folderBytes, type Measured } from './measure.ts';
import { TOOLS, type Tool } from './tools.ts';

const HELP = `Usage: npm run bench [-- --quick] [--rounds N]

Runs Holdfast, restic and borg in turn on the same generated table dump: first backup, backup after 1 % of the
rows changed at random, backup of unchanged data, restore. Checks that what is restored is equal. Writes
bench/results.md. Tools that are not installed are left out, and named.

  --quick     60 MB and one round instead of 458 MB and three
`;

const STEPS = ['first backup', '1 % of rows changed', 'unchanged', 'restore'] as const;
type Step = (typeof STEPS)[number];

interface Row extends Measured {
  readonly tool: string;
  readonly step: Step;
  /** Bytes the repository grew by. */
  readonly addedBytes: number;
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else await main();

async function main(): Promise<void> {
  const rowCount = values.quick ? 330_000 : 2_500_000;
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'));
  try {
    const first = path.join(folder, 'first.txt');
    const changed = path.join(folder, 'changed.txt');
    await writeTable(first, rowCount, () => 0);
    await writeTable(changed, rowCount, churn(1));
    const tools = TOOLS.filter(({ version }) => isThere(version()));
    const rows: Row[] = [];
    for (let round = 1; round <= rounds; round++) {
      console.log(`round ${round} of ${rounds}`);
      rows.push(...(await runRound(tools, path.join(folder, `round-${round}`), { first, changed })));
    }
    report(rows, tools, { rowCount, rounds });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every step by every tool in turn, each into a repository of its own. */
async function runRound(
  tools: readonly Tool[],
  folder: string,
  data: { readonly first: string; readonly changed: string },
): Promise<Row[]> {
  const file = path.join(folder, 'table.txt');
  mkdirSync(folder);
  for (const tool of tools) {
    mkdirSync(path.join(folder, tool.name));
    await tool.init(path.join(folder, tool.name));
  }
  const rows: Row[] = [];
  const each = async (step: Step, work: (tool: Tool, place: string) => Promise<Measured>) => {
    for (const tool of tools) {
      const place = path.join(folder, tool.name);
      const before = folderBytes(path.join(place, 'repository'));
      const measured = await work(tool, place);
      const addedBytes = folderBytes(path.join(place, 'repository')) - before;
      rows.push({ tool: tool.name, step, addedBytes, ...measured });
    }
  };
  await rename(data.first, file);
  await each('first backup', (tool, place) => tool.backup(place, file));
  await rename(file, data.first);
  await rename(data.changed, file);
  await each('1 % of rows changed', (tool, place) => tool.backup(place, file));
  await each('unchanged', (tool, place) => tool.backup(place, file));
  const wanted = await digest(file);
  await each('restore', async (tool, place) => {
    const target = path.join(place, 'restored');
    const measured = await tool.restore(place, target);
    if ((await digest(tool.restored(target, file))) !== wanted)
      throw new Error(`${tool.name} restored something else`);
    return measured;
  });
  await rename(file, data.changed);
  await rm(folder, { recursive: true });
  return rows;
}

function report(
  rows: readonly Row[],
  tools: readonly Tool[],
  { rowCount, rounds }: { readonly rowCount: number; readonly rounds: number },
): void {
  const names = tools.map(({ name }) => name);
  const cells = STEPS.flatMap((step) =>
    names.map((tool) => {
      const of = rows.filter((row) => row.tool === tool && row.step === step);
      const peer = rows.filter((row) => row.tool === 'restic' && row.step === step);
      const ratios = of.flatMap((row, i) => (peer[i] ? [row.wallS / peer[i].wallS] : []));
      const spread =
        ratios.length > 0
          ? `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`
          : '-';
      const pick = (key: 'wallS' | 'cpuS' | 'peakMiB' | 'addedBytes') => median(of.map((row) => row[key]));
      return [
        step,
        tool,
        pick('wallS').toFixed(2),
        spread,
        pick('cpuS').toFixed(2),
        pick('peakMiB').toFixed(0),
        (pick('addedBytes') / 1e6).toFixed(2),
      ];
    }),
  );
  const text = table(['STEP', 'TOOL', 'WALL S', 'RATIO TO RESTIC', 'CPU S', 'PEAK MIB', 'ADDED MB'], cells);
  const missing = TOOLS.filter((tool) => !tools.includes(tool)).map(({ packages }) => packages);
  const facts = [
    `Table dump of ${rowCount.toLocaleString('en-US')} rows; 1 % changed at random. ${rounds} rounds, medians; ratios pair by pair, with their least and most.`,
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; Node ${process.version}; commit ${commit()}.`,
    ...tools.map((tool) =>
      execFileSync(tool.version()[0] ?? '', tool.version().slice(1), { encoding: 'utf8' }).trim(),
    ),
    ...(missing.length > 0 ? [`Not run, not installed: ${missing.join(', ')}`] : []),
  ];
  console.log(`\n${text}\n${facts.join('\n')}`);
  if (existsSync('bench'))
    writeFileSync(
      'bench/results.md',
      `# Results of \`npm run bench\`\n\n${facts.join('\n\n')}\n\n\`\`\`\n${text}\`\`\`\n`,
    );
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function isThere([program = '', ...args]: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

async function digest(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
