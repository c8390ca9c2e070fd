import { hkdfSync } from 'node:crypto';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { NEWEST_FORMAT } from '../core/format-version.ts';
import { KiB, MiB } from '../core/units.ts';
import { encodeAuthenticated, isAuthentic, parseAuthenticated } from './authenticated-json.ts';
import type { ChunkerParameters } from './chunker.ts';
import { problems, refuseNewer } from './manifest.ts';

/** Where a repository says what it is. */
export const REPOSITORY_FILE = 'repository.json';
const REPOSITORY_FORMAT = 'holdfast-repository';

/** docs/decisions/0002 gives the reasons. */
export const DEFAULT_CHUNKER: ChunkerParameters = {
  minBytes: 384 * KiB,
  averageBytes: 512 * KiB,
  maxBytes: 1 * MiB,
};

const LIMITS = { least: 256, most: 8 * MiB };
const size = z.number().int().min(LIMITS.least).max(LIMITS.most);

const RepositoryFile = z.object({
  format: z.literal(REPOSITORY_FORMAT),
  version: z.union([z.literal(1), z.literal(2)]),
  id: z.string().regex(/^[0-9a-f]{32}$/),
  createdAt: z.iso.datetime(),
  chunker: z
    .object({ minBytes: size, averageBytes: size, maxBytes: size })
    .refine(
      (c) => c.minBytes < c.averageBytes && c.averageBytes < c.maxBytes,
      'sizes must grow: min, average, max',
    ),
  secret: z.object({ rootKeyId: z.string(), wrapped: z.base64() }),
});

/** `repository.json`. */
export type RepositoryFile = Readonly<z.infer<typeof RepositoryFile>>;

/** The same as it is stored. */
export function encodeRepositoryFile(
  { version, ...file }: Omit<RepositoryFile, 'format'>,
  secret: Uint8Array,
): Buffer {
  return encodeAuthenticated({ format: REPOSITORY_FORMAT, version, ...file }, macKey(secret));
}

/** @throws E_FOREIGN_REPOSITORY, E_NEWER_FORMAT, E_DAMAGED */
export function parseRepositoryFile(bytes: Uint8Array): RepositoryFile {
  refuseForeign(bytes);
  const document = parseAuthenticated(bytes, REPOSITORY_FILE);
  refuseNewer(document, REPOSITORY_FORMAT, REPOSITORY_FILE, NEWEST_FORMAT);
  const parsed = RepositoryFile.safeParse(document);
  if (!parsed.success) throw new HoldfastError('E_DAMAGED', `${REPOSITORY_FILE}: ${problems(parsed.error)}`);
  return parsed.data;
}

/** Complete JSON of another program, with another `format`, was never one of ours. */
function refuseForeign(bytes: Uint8Array): void {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return;
  }
  const isOurs =
    typeof document === 'object' &&
    document !== null &&
    'format' in document &&
    document.format === REPOSITORY_FORMAT;
  if (isOurs) return;
  throw new HoldfastError('E_FOREIGN_REPOSITORY', `${REPOSITORY_FILE} was not written by Holdfast`, {
    hint: 'Check the place; a repository needs a folder or prefix of its own.',
  });
}

/** @throws E_DAMAGED if the file is not as written with `secret` */
export function checkRepositoryFile(bytes: Uint8Array, secret: Uint8Array): void {
  if (isAuthentic(bytes, macKey(secret))) return;
  throw new HoldfastError('E_DAMAGED', `${REPOSITORY_FILE} was changed after it was written`, {
    hint: 'Restore it from a copy or an older version of the object.',
  });
}

function macKey(secret: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, new Uint8Array(0), 'holdfast/1 repository', 32));
}
