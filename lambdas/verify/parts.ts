import type { BackupKey } from '../../shared/core/ids.ts';
import { DAY_MS } from '../../shared/core/units.ts';
import { neededPacks } from '../../shared/jobs/status/show.ts';
import { depthText, type VerifyDepth } from '../../shared/jobs/verify/verify-depth.ts';
import { halvesOf, verifyParts } from '../../shared/jobs/verify/verify-parts.ts';
import type { OpenedRepository } from '../runtime/settings.ts';

/** Which backups: one, or all that were not found whole for this long. */
export type Which = { readonly backup: string } | { readonly since: string };
/** An event of the function. */
export type Part = Which & { readonly depth: string; readonly inParts: true };

/** How a verification is spread over days. */
export interface Spread {
  /** Everything is read within this many days, one share a day. */
  readonly days: number;
  /** The day whose share it is. */
  readonly at: Date;
}

/**
 * The events that together verify what was asked for, each part small enough for a function. @throws
 * E_NO_BACKUP, E_STORE_*
 */
export async function planParts(
  repository: OpenedRepository,
  which: Which,
  options: {
    readonly depth: VerifyDepth;
    readonly spread?: Spread | undefined;
    readonly signal: AbortSignal;
  },
): Promise<readonly Part[]> {
  const { depth, spread, signal } = options;
  const asked = spread && depth.kind === 'full' ? shareOf(spread) : depth;
  const bytes = depth.kind === 'quick' ? 0 : await packBytes(repository, which, signal);
  const share = asked.kind === 'subset' ? asked.of : 1;
  return verifyParts(asked, bytes / share).map((part) => ({
    ...which,
    depth: depthText(part),
    inParts: true,
  }));
}

/** The two halves of a part that took too long. */
export function divided(which: Which, depth: VerifyDepth): readonly Part[] | undefined {
  return halvesOf(depth)?.map((half) => ({ ...which, depth: depthText(half), inParts: true }));
}

function shareOf({ days, at }: Spread): VerifyDepth {
  if (days === 1) return { kind: 'full' };
  return { kind: 'subset', part: 1 + (Math.floor(at.getTime() / DAY_MS) % days), of: days };
}

async function packBytes(repository: OpenedRepository, which: Which, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  if ('backup' in which) {
    bytes = neededPacks(await repository.readManifest(which.backup as BackupKey, signal)).bytes;
  } else for await (const { sizeBytes } of repository.store.list('data/', { signal })) bytes += sizeBytes;
  return bytes;
}
