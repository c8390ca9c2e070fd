import { parseArgs } from 'node:util';
import { startFirebaseServer } from './server.ts';

const USAGE = `Runs a database server that answers as Firebase's REST service does, its data in memory.

  node tools/firebase-server/main.ts [options]

  --port N                         default: any free port
  --namespace NAME                 repeat for several databases; default: local
  --token TOKEN                    repeat for several; without it the server is open to all
  --max-response-bytes N           default: 256 MiB
  --max-write-bytes N              default: 256 MiB
  --latency-ms N                   added to each request
  --requests-per-second N          more get status 429
  --paged-query-limit-children N   nodes with more children refuse queries as too big
  --too-big-status 400|413         how what is too big is refused; default: 400
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    port: { type: 'string' },
    namespace: { type: 'string', multiple: true },
    token: { type: 'string', multiple: true },
    'max-response-bytes': { type: 'string' },
    'max-write-bytes': { type: 'string' },
    'latency-ms': { type: 'string' },
    'requests-per-second': { type: 'string' },
    'paged-query-limit-children': { type: 'string' },
    'too-big-status': { type: 'string' },
  },
});

if (values.help) {
  console.log(USAGE);
} else {
  const server = await startFirebaseServer({
    ...numbers(),
    ...(values.namespace && { namespaces: values.namespace }),
    ...(values.token && { tokens: values.token }),
    ...(values['too-big-status'] === '413' && { tooBigStatus: 413 }),
  });
  console.log(server.url);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void server[Symbol.asyncDispose]().then(() => process.exit(0)));
  }
}

function numbers(): Record<string, number> {
  const given = {
    port: values.port,
    maxResponseBytes: values['max-response-bytes'],
    maxWriteBytes: values['max-write-bytes'],
    latencyMs: values['latency-ms'],
    requestsPerSecond: values['requests-per-second'],
    pagedQueryLimitChildren: values['paged-query-limit-children'],
  };
  return Object.fromEntries(
    Object.entries(given)
      .filter(([, text]) => text !== undefined)
      .map(([name, text]) => [name, numberOf(name, String(text))]),
  );
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0 && text !== '') return value;
  throw new Error(`${name} is ${text}, not a whole number`);
}
