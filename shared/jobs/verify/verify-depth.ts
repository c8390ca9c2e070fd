/** How thorough a verification is. */
export type VerifyDepth =
  /** Every pack exists with its size, and the store's own checksum if it keeps one. Reads no pack. */
  | { readonly kind: 'quick' }
  /** Every byte: pack ids, decryption, chunk hashes, counts against tree, catalog and manifest. */
  | { readonly kind: 'full' }
  /** Full, on part `part` of `of` of the packs; parts 1 to `of` together are `full`. */
  | { readonly kind: 'subset'; readonly part: number; readonly of: number }
  /** The same for only the packs that each backup stored itself: those that its parent does not need. */
  | { readonly kind: 'new'; readonly part: number; readonly of: number };

/** For a subset. */
export const MOST_PARTS = 9999;

/** `3/7`: the third of seven parts; undefined for any other text. */
export function parseSubset(text: string): Extract<VerifyDepth, { kind: 'subset' }> | undefined {
  const parts = parseParts(text);
  return parts && { kind: 'subset', ...parts };
}

/** `quick`, `full`, `3/7`, `new` or `new:3/7`; undefined for any other text. */
export function parseDepth(text: string): VerifyDepth | undefined {
  if (text === 'quick' || text === 'full') return { kind: text };
  if (!text.startsWith('new')) return parseSubset(text);
  const parts = text === 'new' ? { part: 1, of: 1 } : parseParts(/^new:(.*)$/.exec(text)?.[1] ?? '');
  return parts && { kind: 'new', ...parts };
}

/** As `parseDepth` takes it. */
export function depthText(depth: VerifyDepth): string {
  if (depth.kind === 'quick' || depth.kind === 'full') return depth.kind;
  const parts = `${depth.part}/${depth.of}`;
  if (depth.kind === 'subset') return parts;
  return depth.of === 1 ? 'new' : `new:${parts}`;
}

function parseParts(text: string): { readonly part: number; readonly of: number } | undefined {
  const [, n = '', t = ''] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  const [part, of] = [Number(n), Number(t)];
  return part >= 1 && part <= of ? { part, of } : undefined;
}
