import path from 'node:path';
import { FUNCTION_NAMES } from '../shared/config/aws.ts';
import { startLambda } from '../test/support/aws/runtime-api.ts';
import { buildLambdas, bundleSizes } from '../tools/build-lambdas.ts';
import type { Options } from './options.ts';
import { type Bar, codeTable, showBars, spread } from './report.ts';

/** Milliseconds from the start of a function's process until it asks for its first event. */
const LIMITS: Readonly<Partial<Record<string, number>>> = { plan: 250, watchdog: 250 };
const OTHER_LIMIT = 400;
/** The first finds nothing in the system's file cache. */
const STARTS_A_ROUND = 5;

/** Of the code of one function, without pg_dump's WebAssembly: docs/reference/functions.md. */
const BUNDLE_MB = 1.6;

/** Cold starts of every function from its bundle, under AWS's runtime client. */
export async function cold(folder: string, { rounds }: Options): Promise<string> {
  const bundles = path.join(folder, 'lambdas');
  await buildLambdas(bundles);
  const sizes = await bundleSizes(bundles);
  const bars: Bar[] = [];
  const rows: string[][] = [];
  for (const name of FUNCTION_NAMES) {
    const times: number[] = [];
    for (let i = 0; i < rounds * STARTS_A_ROUND; i++) times.push(await startOf(name, bundles));
    const measured = spread(times);
    const megabytes = (sizes.find((size) => size.name === name)?.codeBytes ?? Number.NaN) / 1e6;
    rows.push([
      name,
      ...[measured.median, measured.least, measured.most].map((ms) => ms.toFixed(0)),
      megabytes.toFixed(2),
    ]);
    bars.push({ measure: `${name}, ms`, limit: LIMITS[name] ?? OTHER_LIMIT, measured });
    bars.push({ measure: `${name}, code, MB`, limit: BUNDLE_MB, measured: spread([megabytes]) });
  }
  const table = codeTable(['FUNCTION', 'MEDIAN MS', 'LEAST', 'MOST', 'CODE MB'], rows);
  return `From the start of the process until the handler was ready, ${rounds * STARTS_A_ROUND} starts each.\n\n${table}\n\n${showBars(bars)}`;
}

async function startOf(name: string, bundles: string): Promise<number> {
  const env = { AWS_REGION: 'eu-west-1', NODE_OPTIONS: '--enable-source-maps' };
  await using started = await startLambda(name, { folder: path.join(bundles, name), env });
  return started.coldStartMs;
}
