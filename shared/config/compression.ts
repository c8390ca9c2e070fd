import * as z from 'zod';

/** How hard backups are compressed, by name. */
export type Compression = 'fast' | 'balanced' | 'small';

/** Levels of zstd by what people want: less time, or less room. docs/internals/performance.md has the measurements. */
export const COMPRESSIONS: Readonly<Record<Compression, number>> = { fast: 1, balanced: 3, small: 12 };

/** All of these names. */
export const COMPRESSION_NAMES = Object.keys(COMPRESSIONS) as readonly Compression[];

/** `fast`, `balanced` or `small`. */
export const CompressionConfig = z.enum(COMPRESSION_NAMES);
/** A level of zstd, 0 to 19; 0 stores as it is. */
export const CompressionLevelConfig = z.number().int().min(0).max(19);

/**
 * The level to compress at.
 *
 * @param problems is added to if the file says both
 * @returns undefined if nothing says it: the engine's default, which is `balanced`
 */
export function resolveCompression(
  file: { readonly compression?: Compression | undefined; readonly compressionLevel?: number | undefined },
  fromEnv: number | undefined,
  problems: string[],
): number | undefined {
  const { compression, compressionLevel } = file;
  if (compression !== undefined && compressionLevel !== undefined)
    problems.push(
      `compression ('${compression}') and compressionLevel (${compressionLevel}) are both set; keep one of them`,
    );
  return fromEnv ?? (compression === undefined ? compressionLevel : COMPRESSIONS[compression]);
}
