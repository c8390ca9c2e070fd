/** Lines of one shape: a tab in the place of each value, and the values of each line, in latin1. */
interface PlainShape {
  readonly shape: string;
  readonly values: string;
}

/** What is between quotes, of which the closing one may be missing, or what is no sign of JSON. */
const VALUE = /"((?:\\.|[^"\\])*\\?)("|$)|[^{}[\]:, "]+/gs;
const WHOLE_LINE = '\t';

/**
 * The specification of shared/format/shapes/split-lines.ts and its WebAssembly, without code of either: plain and slow.
 *
 * @param lines in latin1, each with a newline
 * @returns the shapes in their order, and the number of each line's; undefined if they are left to other codecs
 */
export function plainSplit(lines: string): { groups: PlainShape[]; numbers: number[] } | undefined {
  if (!lines.endsWith('\n') || lines.includes('\t')) return undefined;
  const split = lines.slice(0, -1).split('\n').map(splitLine);
  if (split.length < 16 || split.length * 4 > lines.length) return undefined;
  const byShape = [...Map.groupBy(split, ({ shape }) => shape)];
  const kept = byShape
    .filter(([shape, of]) => of.length >= 16 && shape.includes('\t') && shape !== WHOLE_LINE)
    .toSorted(([, a], [, b]) => b.length - a.length)
    .slice(0, 254)
    .map(([shape]) => shape);
  const numbers = split.map(({ shape }) => (kept.includes(shape) ? kept.indexOf(shape) : kept.length));
  const rest = numbers.filter((number) => number === kept.length).length;
  if (rest * 2 > split.length) return undefined;
  const groups = [...kept, ...(rest > 0 ? [WHOLE_LINE] : [])].map((shape, group) => {
    const of = split.filter((_, row) => numbers[row] === group);
    return { shape, values: of.map((row) => `${shape === WHOLE_LINE ? row.line : row.values}\n`).join('') };
  });
  return { groups, numbers };
}

function splitLine(line: string): { line: string; shape: string; values: string } {
  const values: string[] = [];
  const shape = line.replace(VALUE, (all: string, quoted?: string, closing?: string) => {
    values.push(quoted ?? all);
    return quoted === undefined ? '\t' : `"\t${closing}`;
  });
  return { line, shape, values: values.join('\t') };
}
