import { setTimeout as delay } from 'node:timers/promises';
import { MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import type { RunAnswer } from '../schema/runs.ts';

/** Changes that follow faster are reported together. */
const LEAST_APART_MS = SECOND_MS / 4;
/** A stream ends after this long; the reader opens a new one, with a login that is still valid. */
const MOST_MS = 5 * MINUTE_MS;
/** How long a reader waits before it opens a new one (`retry` of the stream). */
const RETRY_MS = 2 * SECOND_MS;

/** Headers of a stream of events. */
export const EVENT_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // A proxy that buffers responses would deliver everything at the end.
  'x-accel-buffering': 'no',
} as const;

/**
 * Server-sent events of a run: `run` is all of it except its log, `log` the new lines. The stream ends with
 * the run; if it ends earlier, the reader opens a new one after `retry`.
 */
export async function* runEvents(
  follow: (signal: AbortSignal) => AsyncIterable<RunAnswer>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(MOST_MS)]);
  const encoder = new TextEncoder();
  let told: RunAnswer['log'] = [];
  yield encoder.encode(`retry: ${RETRY_MS}\n\n`);
  for await (const { log, ...run } of follow(bounded)) {
    const lines = newLines(told, log);
    told = log;
    yield encoder.encode(event('run', run) + (lines.length > 0 ? event('log', lines) : ''));
    if (run.state === 'running') await delay(LEAST_APART_MS, undefined, { signal: bounded }).catch(() => {});
  }
}

/** Lines after the last one that was sent; all of them if that one is gone from the log. */
function newLines(told: RunAnswer['log'], log: RunAnswer['log']): RunAnswer['log'] {
  const last = told.at(-1);
  return last === undefined ? log : log.slice(log.lastIndexOf(last) + 1);
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
