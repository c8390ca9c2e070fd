import { abortedError, throwIfAborted } from '../../../core/abort.ts';
import { buffersLetGo } from '../../../core/buffer-memory.ts';
import { KiB } from '../../../core/units.ts';
import { encodeText } from '../../byte-text.ts';
import { readColumns, type Session } from '../connection/connection.ts';
import { toSourceError } from '../errors.ts';
import { RowFrames } from './row-frames.ts';

/** Large enough that a block costs nothing against its rows, small enough to stay in a processor's cache. */
const BLOCK_BYTES = 128 * KiB;

/**
 * Yields the rows of a SELECT as records, in blocks that end anywhere and are valid until the next is asked for. Ends
 * only after the server has confirmed the whole; afterwards the session is free again. After an error, an abort or an
 * early `return` the session is closed.
 *
 * @param object names what is read, for errors
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function* readRecords(
  session: Session,
  sql: string,
  signal: AbortSignal,
  { object }: { readonly object: string },
): AsyncGenerator<Uint8Array, void, void> {
  throwIfAborted(signal);
  const onAbort = (): void => session.interrupt();
  signal.addEventListener('abort', onAbort, { once: true });
  let isComplete = false;
  try {
    session.sendQuery(encodeText(sql));
    const columns = await readColumns(session.wire);
    const frames = new RowFrames(columns.length, BLOCK_BYTES);
    while (!frames.ready) {
      const bytes = await session.wire.chunk();
      throwIfAborted(signal);
      let at = 0;
      while (at < bytes.length && !frames.ready) {
        at = frames.consume(bytes, at);
        if (frames.full) yield frames.take();
      }
      session.wire.unread(bytes.subarray(at));
      buffersLetGo(at);
    }
    if (frames.error !== undefined) throw frames.error;
    const rest = frames.take();
    if (rest.length > 0) yield rest;
    isComplete = true;
  } catch (error) {
    if (signal.aborted) throw abortedError(signal);
    throw toSourceError(error, { server: session.server, phase: 'query', object });
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (!isComplete) session.interrupt();
  }
}
