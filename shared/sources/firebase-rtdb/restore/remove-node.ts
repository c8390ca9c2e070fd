import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../../../core/errors.ts';
import type { FirebaseConnection } from '../connection/connection.ts';
import { type NodePath, showPath } from '../connection/paths.ts';
import { isThere } from '../reading/key-listing.ts';
import { NodeRemover, type NodeRemoverOptions } from './node-remover.ts';

const MOST_TRIES = 4;
const PAUSE_MS = 250;

/**
 * Removes a node and checks that it is gone: a write that was stopped may still be on its way.
 *
 * @throws E_SOURCE_*, if it is still there
 */
export async function removeNode(
  connection: FirebaseConnection,
  node: NodePath,
  options: Omit<NodeRemoverOptions, 'connection'>,
): Promise<void> {
  const remover = new NodeRemover({ connection, ...options });
  for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
    await remover.remove(node);
    if (!(await isThere(connection, node, options.signal))) return;
    await sleep(PAUSE_MS);
  }
  throw new HoldfastError(
    'E_SOURCE_FAILED',
    `${showPath(node)} was removed ${MOST_TRIES} times and exists again: something writes to it`,
  );
}
