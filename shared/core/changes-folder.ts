import { createHash } from 'node:crypto';

/** Where change segments lie. */
export const CHANGES = 'changes/';

/** Where the segments of a source lie; nobody learns its name from that who does not know it. */
export function changesFolder({ kind, name }: { readonly kind: string; readonly name: string }): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([kind, name]))
    .digest('hex');
  return `${CHANGES}${hash.slice(0, 32)}/`;
}
