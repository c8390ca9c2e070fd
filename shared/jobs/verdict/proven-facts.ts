import type { Repository } from '../../repository/repository.ts';
import type { BackupSummary } from '../status/list.ts';
import { ProvenNewest } from '../status/proven-newest.ts';
import { unprovenSince } from '../status/status.ts';
import type { SafetyFacts, SourceFacts } from './facts.ts';

/**
 * The same facts, but only what a key proves to be Holdfast's makes anything young: it opens a few manifests
 * and reports for each source. Without a key they stay unchanged.
 *
 * @param prover opened with a key that proves manifests
 * @param backups newest first, as found without a key
 * @throws E_STORE_*, E_KEY_*
 */
export async function provenFacts(
  facts: SafetyFacts,
  backups: readonly BackupSummary[],
  { prover, signal }: { readonly prover: Repository; readonly signal: AbortSignal },
): Promise<SafetyFacts> {
  if (!prover.context.keys.hasRootKey) return facts;
  const proven = new ProvenNewest(prover, signal);
  const sources: SourceFacts[] = [];
  for (const source of facts.sources) {
    const own = backups.filter((one) => one.state !== 'damaged' && one.source.name === source.name);
    const good = await proven.good(own);
    const verified = own.flatMap(({ marks: { fullVerify } }) => fullVerify ?? []);
    const drilled = own.flatMap(({ marks: { drill } }) => (drill?.outcome === 'equal' ? [drill] : []));
    sources.push({
      ...source,
      newestGood: good && {
        key: good.key,
        startedAt: good.startedAt,
        isImported: good.imported !== undefined,
      },
      verifiedAt: await proven.reportedAt(verified),
      drilledAt: await proven.reportedAt(drilled),
      unprovenSince: unprovenSince(own, await proven.compared(own)),
    });
  }
  return { ...facts, sources };
}
