import type { Fault } from './faults.ts';
import type { FirebaseServerOptions } from './options.ts';
import { type FirebaseServer, startFirebaseServer } from './server.ts';

/** What the parent process asks. */
export type Call =
  | { readonly name: 'start'; readonly options: FirebaseServerOptions }
  | { readonly name: 'stats' }
  | { readonly name: 'fail'; readonly fault: Fault }
  | { readonly name: 'set'; readonly path: string; readonly value: unknown }
  | { readonly name: 'get'; readonly path: string };

/** What the process of a server answers. */
export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly failure?: string;
}

let server: FirebaseServer | undefined;

process.on('message', ({ id, call }: { id: number; call: Call }) => {
  perform(call).then(
    (result) => reply({ id, result }),
    (error: unknown) => reply({ id, failure: error instanceof Error ? error.message : String(error) }),
  );
});
process.once('disconnect', () => process.exit(0));

async function perform(call: Call): Promise<unknown> {
  if (call.name === 'start') {
    server = await startFirebaseServer(call.options);
    return server.url;
  }
  if (!server) throw new Error('the server was not started');
  switch (call.name) {
    case 'stats':
      return server.stats;
    case 'fail':
      return server.fail(call.fault);
    case 'set':
      return server.set(call.path, call.value);
    case 'get':
      return server.get(call.path);
  }
}

function reply(answer: Answer): void {
  process.send?.(answer);
}
