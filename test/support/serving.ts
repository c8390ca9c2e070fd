import { PassThrough } from 'node:stream';
import { main } from '../../cli/main.ts';
import { API_BASE } from '../../shared/core/api-names.ts';
import type { CommandWorld } from './command-line.ts';
import { expectDocumented } from './documented-json.ts';
import { judge } from './openapi-judge.ts';

export interface Serving extends AsyncDisposable {
  readonly url: string;
  readonly link: string;
  readonly stderr: () => string;
  /** The session's token. */
  readonly token: string;
  /** A request of the API with the session's login. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** The same, its JSON; throws for a status that is not wanted. */
  json(method: string, path: string, body?: unknown, status?: number): Promise<ReturnType<typeof JSON.parse>>;
  /** Waits until a run is over. */
  over(run: string): Promise<ReturnType<typeof JSON.parse>>;
}

/** Runs `holdfast serve` on a free port, and logs in by its link. */
export async function startServing(line: string, { env, cwd }: CommandWorld): Promise<Serving> {
  const stop = new AbortController();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  let errors = '';
  stderr.on('data', (bytes: Buffer) => {
    errors += bytes.toString();
  });
  const ended = main(['serve', '--port', '0', '--json', ...line.split(' ').filter(Boolean)], {
    stdin: new PassThrough(),
    stdout,
    stderr,
    env,
    cwd,
    signal: stop.signal,
  });
  const first = await Promise.race([
    new Promise<string>((resolve) => stdout.once('data', (bytes: Buffer) => resolve(bytes.toString()))),
    ended.then((status) => `{"ended": ${status}}`),
  ]);
  const { url, link, ended: status } = JSON.parse(first);
  if (!link) throw new Error(`holdfast serve ended with ${status}: ${first} ${errors}`);
  expectDocumented('serve', JSON.parse(first));
  const answer = await fetch(`${url}/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: new URL(link).hash.slice('#token='.length) }),
  });
  const { token } = (await answer.json()) as { readonly token: string };
  const call: Serving['call'] = async (method, path, body, headers = {}) => {
    const answer = await fetch(url + API_BASE + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    await judge(method, path, answer);
    return answer;
  };
  const json: Serving['json'] = async (method, path, body, wanted = 200) => {
    const got = await call(method, path, body);
    const text = await got.text();
    if (got.status !== wanted) throw new Error(`${method} ${path} answered ${got.status}: ${text}`);
    return JSON.parse(text);
  };
  return {
    url,
    link,
    token,
    stderr: () => errors,
    call,
    json,
    over: async (run) => {
      for (;;) {
        const found = await json('GET', `/runs/${run}`);
        if (found.state !== 'running') return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await ended;
    },
  };
}
