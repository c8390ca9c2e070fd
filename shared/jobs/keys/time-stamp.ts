import { createHash, randomBytes } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import { timeStampProblem, timeStampRequest } from '../../format/time-stamp.ts';
import type { Repository } from '../../repository/repository.ts';
import type { SequenceHead } from '../verify/sequence-breaks.ts';
import { checkSequences } from '../verify/sequence-check.ts';

const MOST_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MS = 30_000;

/** What an authority vouched for. */
export interface TimeStamped {
  readonly heads: readonly SequenceHead[];
  /** What is stamped: JSON that names the heads. */
  readonly document: Buffer;
  /** The response as received: a TimeStampResp in DER, for the SHA-256 of the document. */
  readonly answer: Buffer;
}

/**
 * Asks an RFC 3161 authority to confirm that the newest backups of all sources exist now.
 *
 * @throws E_NO_BACKUP if there is none with a number, E_TIME_STAMP if the authority returns no stamp,
 * E_STORE_*
 */
export async function timeStampHeads(
  repository: Repository,
  url: string,
  signal: AbortSignal,
): Promise<TimeStamped> {
  const { heads } = await checkSequences(repository, { isCopy: true, signal });
  if (heads.length === 0)
    throw new HoldfastError('E_NO_BACKUP', 'no backup has a number yet: there is nothing to stamp', {
      hint: 'Make a backup first.',
    });
  const document = Buffer.from(`${JSON.stringify({ repository: repository.id, heads }, null, 2)}\n`);
  const sha256 = createHash('sha256').update(document).digest();
  const nonce = randomBytes(8);
  const answer = await ask(url, timeStampRequest(sha256, nonce), signal);
  const problem = timeStampProblem(answer, { sha256, nonce });
  if (problem !== undefined) throw failed(url, `its response ${problem}`);
  return { heads, document, answer };
}

async function ask(url: string, request: Buffer, signal: AbortSignal): Promise<Buffer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/timestamp-query' },
      body: new Uint8Array(request),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    if (!response.ok) throw failed(url, `it answered ${response.status}`);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > MOST_ANSWER_BYTES) throw failed(url, `it sent more than ${MOST_ANSWER_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    signal.throwIfAborted();
    throw failed(
      url,
      `it cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    );
  }
}

function failed(url: string, problem: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_TIME_STAMP', `${new URL(url).host} returned no time stamp: ${problem}`, {
    cause,
    hint: 'Check the URL; try again, or ask another RFC 3161 authority.',
  });
}
