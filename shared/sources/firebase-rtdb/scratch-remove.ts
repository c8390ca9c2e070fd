import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../../core/errors.ts';
import type { FirebaseConnection } from './connection.ts';
import { type NodePath, showPath } from './paths.ts';
import { RateLimit } from './rate-limit.ts';
import { findConflicts } from './restore-conflicts.ts';
import { RestoreWriter } from './restore-writer.ts';

const MOST_TRIES = 4;
const PAUSE_MS = 250;

/**
 * Removes a node and looks whether it is gone: a write that was stopped may still be on its way.
 *
 * @throws E_SOURCE_*, where it is still there
 */
export async function removeNode(
  connection: FirebaseConnection,
  node: NodePath,
  signal: AbortSignal,
): Promise<void> {
  const writer = new RestoreWriter({
    connection,
    jobs: 1,
    rate: new RateLimit(undefined),
    onBytes: () => {},
    signal,
  });
  for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
    await writer.remove(node);
    if ((await findConflicts(connection, [node], signal)).length === 0) return;
    await sleep(PAUSE_MS);
  }
  throw new HoldfastError(
    'E_SOURCE_FAILED',
    `${showPath(node)} was removed ${MOST_TRIES} times and is there again: something writes to it`,
  );
}
