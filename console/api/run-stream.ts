import { useEffect } from 'preact/hooks';
import { call, send } from './client.ts';
import { type Resource, resource, useResource } from './resource.ts';
import type { AnswerOf } from './types.ts';

type RunAnswer = AnswerOf<'run'>;

/** How often to ask for a run if no events arrive. */
const ASK_MS = 1_500;
/** Default wait before opening the stream again, unless it says another. */
const AGAIN_MS = 2_000;
const MOST_LINES = 200;

interface Event {
  readonly name: string;
  readonly data: string;
}

/** A run in progress: from the API's events, and by asking if something in between holds these back. */
export function useRun(id: string): Resource<RunAnswer> {
  const name = `run ${id}`;
  const load = () => call('run', { param: id });
  const found = useResource(name, load, (value) => (value?.state === 'running' ? ASK_MS * 4 : undefined));
  const isRunning = found.value.value?.state === 'running';
  // a finished run has no more events
  useEffect(() => {
    if (!isRunning) return;
    const over = new AbortController();
    void follow(id, resource(name, load), over.signal);
    return () => over.abort();
  }, [id, isRunning]);
  return found;
}

async function follow(id: string, run: Resource<RunAnswer>, signal: AbortSignal): Promise<void> {
  let waitMs = AGAIN_MS;
  while (!signal.aborted && run.value.value?.state === 'running') {
    try {
      const response = await send('events', { param: id, signal });
      for await (const event of eventsOf(response, (retryMs) => (waitMs = retryMs))) take(run, event);
    } catch {
      if (!signal.aborted) await run.refresh();
      waitMs = ASK_MS;
    }
    if (run.value.value?.state === 'running') await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

function take(run: Resource<RunAnswer>, { name, data }: Event): void {
  const before = run.value.value;
  if (!before) return;
  if (name === 'run') run.value.value = { ...before, ...JSON.parse(data), log: before.log };
  if (name !== 'log') return;
  const known = new Set(before.log.map(({ at, message }) => `${at} ${message}`));
  const lines = (JSON.parse(data) as RunAnswer['log']).filter(
    ({ at, message }) => !known.has(`${at} ${message}`),
  );
  run.value.value = { ...before, log: [...before.log, ...lines].slice(-MOST_LINES) };
}

/** The events of a stream, each once it is complete. */
async function* eventsOf(response: Response, onRetry: (retryMs: number) => void): AsyncGenerator<Event> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return;
    text += value;
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const retry = /^retry: (\d+)$/m.exec(part)?.[1];
      if (retry !== undefined) onRetry(Number(retry));
      const name = /^event: (.*)$/m.exec(part)?.[1];
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (name !== undefined && data !== undefined) yield { name, data };
    }
  }
}
