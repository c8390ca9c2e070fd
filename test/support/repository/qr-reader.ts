import jsQR from 'jsqr';

/** Pixels a module. */
const SCALE = 4;

/** What a program of somebody else's reads from the code of a page, drawn from its SVG. */
export function readCode(page: string): string | undefined {
  const size = Number(/<svg viewBox="0 0 (\d+)/.exec(page)?.[1]);
  const side = size * SCALE;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (const [, x, y] of page.matchAll(/M(\d+) (\d+)h1v1h-1z/g))
    for (let dy = 0; dy < SCALE; dy++)
      for (let dx = 0; dx < SCALE; dx++) {
        const at = ((Number(y) * SCALE + dy) * side + Number(x) * SCALE + dx) * 4;
        pixels.fill(0, at, at + 3);
      }
  // Its declaration says a default export, which Node sees one level deeper.
  const read = ('default' in jsQR ? jsQR.default : jsQR) as typeof jsQR.default;
  return read(pixels, side, side)?.data;
}
