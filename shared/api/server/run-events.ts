import { setTimeout as delay } from 'node:timers/promises';
import { MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import type { RunAnswer } from '../schema/runs.ts';

/** Changes that follow each other faster are told together. */
const LEAST_APART_MS = SECOND_MS / 4;
/** A stream ends after so long, and whoever reads it asks again, with a login that is still good. */
const MOST_MS = 5 * MINUTE_MS;
/** What a reader waits before it asks again (`retry` of the stream). */
const RETRY_MS = 2 * SECOND_MS;

/** Headers of a stream of events. */
export const EVENT_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // A proxy that gathers answers would tell everything at the end.
  'x-accel-buffering': 'no',
} as const;

/**
 * Server-sent events of a run: `run` is all of it but its log, `log` the lines that are new. The stream ends with the run; where
 * it ends before, the reader asks again after `retry`.
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

/** Lines after the last one that was told; all of them where that one is gone from the log. */
function newLines(told: RunAnswer['log'], log: RunAnswer['log']): RunAnswer['log'] {
  const last = told.at(-1);
  return last === undefined ? log : log.slice(log.lastIndexOf(last) + 1);
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
