import { decode, encode, type SourceMapSegment } from '@jridgewell/sourcemap-codec';

interface SourceMap {
  readonly version: number;
  readonly sources: readonly string[];
  readonly names: readonly string[];
  readonly mappings: string;
}

/**
 * A source map without what it says of packages: most of its bytes, and nobody mends a package by them. Names that the minifier
 * changed go too, as traces have the line of each frame.
 *
 * @param text of the map that esbuild made
 * @param isOwn whether a file, by its path in the map, is ours
 */
export function ownSourceMap(text: string, isOwn: (source: string) => boolean): string {
  const map = JSON.parse(text) as SourceMap;
  const kept = map.sources.flatMap((source, i) => (isOwn(source) ? [i] : []));
  const places = new Map(kept.map((from, to) => [from, to]));
  const mappings = decode(map.mappings).map((line) => {
    let wasOwn = false;
    return line.flatMap((segment): SourceMapSegment[] => {
      const place = segment.length === 1 ? undefined : places.get(segment[1]);
      if (segment.length === 1 || place === undefined) {
        // The end of what is ours, said once.
        const ends = wasOwn;
        wasOwn = false;
        return ends ? [[segment[0]]] : [];
      }
      wasOwn = true;
      return [[segment[0], place, segment[2], segment[3]]];
    });
  });
  return JSON.stringify({
    ...map,
    sources: kept.map((i) => map.sources[i]),
    names: [],
    mappings: encode(mappings),
  });
}
