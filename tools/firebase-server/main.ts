import { parseArgs } from 'node:util';
import type { EtagMeaning, FirebaseServerOptions, Redirect } from './options.ts';
import { startFirebaseServer } from './server.ts';

const USAGE = `Runs a database server that answers as Firebase's REST service does, its data in memory.

  node tools/firebase-server/main.ts [options]

  --port N                         default: any free port
  --namespace NAME                 repeat for several databases; default: local
  --token TOKEN                    repeat for several; without it the server is open to all
  --redirect NAME=ORIGIN           a database that answers with a redirect; repeat for several
  --max-response-bytes N           default: 256 MiB
  --max-write-bytes N              default: 256 MiB
  --max-children N                 nodes with more children refuse to be read whole or by a query
  --paged-query-limit-children N   nodes with more children refuse queries as too big
  --paged-query-limit-bytes N      larger nodes refuse queries as too big
  --limit-silent-reads             refuse silent reads of what is too large to answer
  --too-big-status 400|413         how what is too big is refused; default: 400
  --latency-ms N                   added to each request
  --requests-per-second N          more get status 429
  --export-arrays                  export format has arrays too
  --exact-integers                 integers of up to 64 bits stay digit for digit
  --shallow-alone                  refuse shallow with other parameters
  --shallow-start-after FORM       either, literal, quoted; default: either
  --etag-of MEANING                ETags of reads: data, answer, place, request, none; default: data
  --etag-of-shallow MEANING        the same of shallow reads
  --etag-of-silent MEANING         the same of silent reads
  --etag-ignores-priorities        ETags do not change with priorities
`;

const TEXT = { type: 'string' } as const;
const SEVERAL = { type: 'string', multiple: true } as const;
const FLAG = { type: 'boolean' } as const;

const NUMBERS = [
  'port',
  'max-response-bytes',
  'max-write-bytes',
  'max-children',
  'paged-query-limit-children',
  'paged-query-limit-bytes',
  'latency-ms',
  'requests-per-second',
] as const;
const MEANINGS = ['etag-of', 'etag-of-shallow', 'etag-of-silent'] as const;
const FLAGS = ['limit-silent-reads', 'export-arrays', 'exact-integers', 'shallow-alone'] as const;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    namespace: SEVERAL,
    token: SEVERAL,
    redirect: SEVERAL,
    'too-big-status': TEXT,
    'shallow-start-after': TEXT,
    'etag-ignores-priorities': FLAG,
    ...all(NUMBERS, TEXT),
    ...all(MEANINGS, TEXT),
    ...all(FLAGS, FLAG),
  },
});

if (values.help) {
  console.log(USAGE);
} else {
  const server = await startFirebaseServer(serverOptions());
  console.log(server.url);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void server[Symbol.asyncDispose]().then(() => process.exit(0)));
  }
}

function serverOptions(): FirebaseServerOptions {
  const { namespace, token, redirect } = values;
  const startAfter = values['shallow-start-after'];
  return {
    ...given(NUMBERS, numberOf),
    ...given(MEANINGS, meaningOf),
    ...given(FLAGS, () => true),
    ...(namespace && { namespaces: namespace }),
    ...(token && { tokens: token }),
    ...(redirect && { redirects: Object.fromEntries(redirect.map(redirectOf)) }),
    ...(startAfter !== undefined && {
      shallowStartAfter: oneOf('shallow-start-after', startAfter, ['either', 'literal', 'quoted'] as const),
    }),
    ...(values['too-big-status'] === '413' && { tooBigStatus: 413 }),
    ...(values['etag-ignores-priorities'] && { etagCountsPriorities: false }),
  };
}

/** Options of these names that were given, by the names that the server has for them. */
function given<T>(
  names: readonly (keyof typeof values)[],
  read: (name: string, text: string) => T,
): Record<string, T> {
  return Object.fromEntries(
    names
      .filter((name) => values[name] !== undefined)
      .map((name) => [
        name.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase()),
        read(name, String(values[name])),
      ]),
  );
}

function all<K extends string, V>(names: readonly K[], value: V): Record<K, V> {
  return Object.fromEntries(names.map((name) => [name, value])) as Record<K, V>;
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0 && text !== '') return value;
  throw new Error(`${name} is ${text}, not a whole number`);
}

function meaningOf(name: string, text: string): EtagMeaning {
  return oneOf(name, text, ['data', 'answer', 'place', 'request', 'none'] as const);
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found !== undefined) return found;
  throw new Error(`${name} is ${text}; allowed are ${allowed.join(', ')}`);
}

function redirectOf(text: string): [string, Redirect] {
  const [name = '', ...to] = text.split('=');
  return [name, { to: to.join('=') }];
}
