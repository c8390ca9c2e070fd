import { hkdfSync } from 'node:crypto';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { NEWEST_FORMAT } from '../core/format-version.ts';
import { encodeAuthenticated, isAuthentic, parseAuthenticated } from './authenticated-json.ts';
import { problems, refuseNewer } from './manifest.ts';

/** Says that a repository of format 1 writes its backups in format 2 from now on. */
export const UPGRADE_FILE = 'repository-2.json';
const UPGRADE_FORMAT = 'holdfast-repository-upgrade';

const UpgradeFile = z.object({
  format: z.literal(UPGRADE_FORMAT),
  version: z.literal(2),
  /** Id of the repository. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  upgradedAt: z.iso.datetime(),
});

/** docs/reference/format.md, "The format of a backup". */
export type UpgradeFile = Readonly<z.infer<typeof UpgradeFile>>;

/** The upgrade as it is stored. */
export function encodeUpgradeFile(file: Pick<UpgradeFile, 'id' | 'upgradedAt'>, secret: Uint8Array): Buffer {
  return encodeAuthenticated({ format: UPGRADE_FORMAT, version: 2, ...file }, macKey(secret));
}

/** @throws E_DAMAGED if it was not written for this repository, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY */
export function readUpgradeFile(bytes: Uint8Array, id: string, secret: Uint8Array): UpgradeFile {
  const document = parseAuthenticated(bytes, UPGRADE_FILE);
  refuseNewer(document, UPGRADE_FORMAT, UPGRADE_FILE, NEWEST_FORMAT);
  const parsed = UpgradeFile.safeParse(document);
  if (!parsed.success) throw new HoldfastError('E_DAMAGED', `${UPGRADE_FILE}: ${problems(parsed.error)}`);
  if (parsed.data.id === id && isAuthentic(bytes, macKey(secret))) return parsed.data;
  throw new HoldfastError('E_DAMAGED', `${UPGRADE_FILE} was changed, or belongs to another repository`, {
    hint: 'Remove it, then run `holdfast upgrade` again.',
  });
}

function macKey(secret: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, new Uint8Array(0), 'holdfast/2 upgrade', 32));
}
