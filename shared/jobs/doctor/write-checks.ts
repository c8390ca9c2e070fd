import { probeStore } from '../../repository/store-probe.ts';
import { differs, holds, unknown } from '../../sources/source-checks.ts';
import { NO_WORK, type StoreCheck } from './store-look.ts';

const NOTHING = 'nothing was written';

/** Checks on an object of their own. */
export function writeChecks(needs: string): readonly StoreCheck[] {
  return [
    {
      name: 'write',
      assumes: 'Written data reads back unchanged.',
      neededFor: 'backup',
      follows: NO_WORK,
      needs,
      writes: true,
      slow: { code: 'E_STORE_UNAVAILABLE', fix: 'Find out what keeps the store busy.' },
      look: async (look, signal) => {
        if (look.isMissing) return unknown('the folder does not exist yet');
        look.facts = await probeStore(look.store, { folder: look.probe, signal });
        const { readsBack, left, key } = look.facts;
        if (readsBack)
          return holds(
            left === undefined
              ? 'a probe was written, read, removed'
              : `a probe was written and read; it stays at ${key}`,
          );
        return differs('a probe reads back differently', {
          code: 'E_DAMAGED',
          fix: 'Do not use this store; look for a proxy that changes bodies.',
        });
      },
    },
    {
      name: 'write-once',
      assumes: 'The store refuses to write an object a second time (If-None-Match).',
      neededFor: 'backup',
      follows: 'Two backups at the same time could overwrite each other.',
      needs: 'write',
      look: async ({ facts }) => {
        if (!facts) return unknown(NOTHING);
        if (facts.isWrittenOnce) return holds('a second write was refused');
        return differs('a second write replaced the first', {
          code: 'E_CONFIG',
          fix: 'Use a store that enforces If-None-Match on PutObject, as S3 does, without a proxy that drops the header.',
        });
      },
    },
  ];
}

/** S3 itself keeps checksums; other stores need not. */
export const CHECKSUMS: StoreCheck = {
  name: 'checksums',
  assumes: 'The store checks and keeps the SHA-256 of what arrives.',
  neededFor: 'information',
  follows: 'Only a full verification finds damage in transit.',
  needs: 'write',
  look: async ({ facts, config }) => {
    if (!facts) return unknown(NOTHING);
    if (facts.isChecked) return holds('the store keeps the SHA-256');
    const seen = 'the store keeps no SHA-256; `verify --full` reads everything instead';
    if (config.s3?.endpoint !== undefined) return holds(seen);
    return differs(seen, {
      isMinor: true,
      code: 'E_CONFIG',
      fix: 'S3 keeps it: look for a proxy that drops x-amz-checksum-sha256.',
    });
  },
};
