import type pg from 'pg';
import { abortedError, throwIfAborted } from '../../../core/abort.ts';
import { buffersLetGo } from '../../../core/buffer-memory.ts';
import { KiB } from '../../../core/units.ts';
import { interrupt, serverName } from '../connection/connection.ts';
import { queryMessage, RawSession } from '../connection/stream.ts';
import { toSourceError } from '../errors.ts';
import { CopyFrames } from './copy-out-frames.ts';

/** Large enough that a block costs nothing against its rows, small enough to stay in a processor's cache. */
const BLOCK_BYTES = 128 * KiB;

/**
 * Yields what `COPY … TO STDOUT` sends, in blocks that end anywhere and are valid until the next is asked
 * for. Ends only after the server has confirmed the whole; afterwards the session is free again. After an
 * error, an abort or an early `return` the session is closed.
 *
 * @param object names what is read, for errors
 * @param onNotice called at the end with the SQLSTATE of what else the server said
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function* copyOut(
  client: pg.Client,
  sql: string,
  signal: AbortSignal,
  { object, onNotice = () => {} }: { readonly object: string; readonly onNotice?: (state: string) => void },
): AsyncGenerator<Uint8Array, void, void> {
  throwIfAborted(signal);
  const onAbort = (): void => interrupt(client);
  signal.addEventListener('abort', onAbort, { once: true });
  const session = new RawSession(client);
  const frames = new CopyFrames(BLOCK_BYTES);
  let complete = false;
  try {
    session.send(queryMessage(sql));
    while (!frames.ready) {
      const bytes = await session.read();
      throwIfAborted(signal);
      for (let at = 0; at < bytes.length; ) {
        at = frames.consume(bytes, at);
        if (frames.full) yield frames.take();
      }
      buffersLetGo(bytes.length);
    }
    if (frames.error !== undefined) throw frames.error;
    frames.notices.forEach(onNotice);
    const rest = frames.take();
    if (rest.length > 0) yield rest;
    complete = true;
  } catch (error) {
    if (signal.aborted) throw abortedError(signal);
    throw toSourceError(frames.error ?? error, { server: serverName(client), phase: 'query', object });
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (complete) session.release();
    else interrupt(client);
  }
}
