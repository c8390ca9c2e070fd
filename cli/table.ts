import { printable } from './io.ts';
import { paint, type Screen, Styled, type TextStyle } from './style.ts';

/** A column, and what to do with it if a terminal is narrow. */
export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
  /** It may be cut to this many characters. @default it is never cut */
  readonly least?: number;
  /** It may be left out; those with the highest number go first. @default it stays */
  readonly leaveOut?: number;
  readonly look?: (cell: string) => TextStyle | undefined;
}

const GAP = 2;
/** A longer cell does not widen the column for all others. */
const MOST_PADDED = 40;

/**
 * Rows under a header. On a terminal they fit its width: columns are cut first, then left out; no row is
 * wrapped. Without a limit, nothing is lost.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  screen: Screen,
): Styled {
  const cells = rows.map((row) => row.map(printable));
  const measured = columns.map((column, i) => ({ column, i, width: widthOf(column, i, cells) }));
  const shown = screen.width === undefined ? measured : narrow(measured, screen.width - 1);
  // The last column gets what is left over; without a limit, no cell is cut.
  const used = shown.reduce((sum, { width }) => sum + width + GAP, 0) - GAP;
  const spare = screen.width === undefined ? 0 : Math.max(0, screen.width - 1 - used);
  const line = (row: readonly string[], look: (column: Column, cell: string) => TextStyle | undefined) =>
    shown
      .map(({ column, i, width }, at) => {
        const cell = row[i] ?? '';
        const text =
          screen.width === undefined ? cell : cut(cell, at === shown.length - 1 ? width + spare : width);
        const space = ' '.repeat(Math.max(0, width - text.length));
        const painted = paint(text, look(column, cell), screen);
        if (column.isNumber) return space + painted;
        return at === shown.length - 1 ? painted : painted + space;
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  const lines = [
    line(titles, () => 'bold'),
    ...cells.map((row) => line(row, (column, cell) => column.look?.(cell))),
  ];
  return new Styled(lines.map((text) => `${text}\n`).join(''));
}

interface Measured {
  readonly column: Column;
  readonly i: number;
  readonly width: number;
}

/** Width of its widest cell; a few long ones do not count, and stick out of their column. */
function widthOf({ title }: Column, i: number, cells: readonly (readonly string[])[]): number {
  let widest = title.length;
  for (const row of cells) widest = Math.max(widest, Math.min(row[i]?.length ?? 0, MOST_PADDED));
  return widest;
}

function narrow(columns: readonly Measured[], room: number): readonly Measured[] {
  const total = columns.reduce((sum, { width }) => sum + width, GAP * (columns.length - 1));
  let over = total - room;
  if (over <= 0) return columns;
  const cuts = columns.map(({ column: { least, title }, width }) =>
    least === undefined ? 0 : Math.max(0, width - Math.max(least, title.length)),
  );
  const spare = cuts.reduce((sum, one) => sum + one, 0);
  if (spare < over) {
    const [next] = columns
      .filter(({ column }) => column.leaveOut !== undefined)
      .toSorted((a, b) => (b.column.leaveOut ?? 0) - (a.column.leaveOut ?? 0));
    if (next)
      return narrow(
        columns.filter((one) => one !== next),
        room,
      );
  }
  // The widest is cut first.
  const order = columns.map((_, i) => i).toSorted((a, b) => (cuts[b] ?? 0) - (cuts[a] ?? 0));
  const widths = columns.map(({ width }) => width);
  for (const i of order) {
    const given = Math.min(over, cuts[i] ?? 0);
    widths[i] = (widths[i] ?? 0) - given;
    over -= given;
  }
  return columns.map((one, i) => ({ ...one, width: widths[i] ?? one.width }));
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
