import type { PackHandle } from '../../format/chunk-ref.ts';
import type { WrittenShare } from '../writing/written-share.ts';

/** A used pack, which may not have its id yet. */
export interface UsedHandle {
  readonly pack: PackHandle;
  readonly usedBytes: number;
}

/**
 * The packs of a new backup in the order of its list: first those of the backup it was compared with, in that
 * one's order, so that backups share leaves; then the others; then the pack of the catalog.
 *
 * @param before ids of that backup's packs
 * @param last pack for the catalog; it may still be open
 */
export function orderPacks(
  shares: readonly Pick<WrittenShare, 'used'>[],
  { before, last }: { readonly before: readonly string[]; readonly last: PackHandle },
): readonly UsedHandle[] {
  const used = new Map<string, { readonly pack: PackHandle; usedBytes: number }>();
  const closing = { pack: last, usedBytes: 0 };
  const nameOf = ({ id }: PackHandle) => id ?? '';
  const isLast = (pack: PackHandle) => pack === last || (last.id !== undefined && pack.id === last.id);
  for (const share of shares)
    for (const [pack, bytes] of share.used) {
      const known = isLast(pack) ? closing : (used.get(nameOf(pack)) ?? { pack, usedBytes: 0 });
      known.usedBytes += bytes;
      if (known !== closing) used.set(nameOf(pack), known);
    }
  const old = before.flatMap((id) => used.get(id) ?? []);
  const isOld = new Set(old);
  return [...old, ...[...used.values()].filter((one) => !isOld.has(one)), closing];
}
