import { createReadStream, existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import type { Dataset } from './datasets.ts';
import { isChanged, pickLines, rewrite } from './lines.ts';

const TAB = '\t';
const NEWLINE = 0x0a;

/**
 * A file of the user's. In its next version 1 % of the lines have the last field of another line, which is the whole line if
 * fields are not parted by tabs.
 *
 * @throws Error if there is no such file, or its last line has no end
 */
export async function fileDataset(file: string): Promise<Dataset> {
  if (!existsSync(file)) throw new Error(`--data is '${file}', which does not exist`);
  if (!(await endsInNewline(file)))
    throw new Error(`--data is '${file}', whose last line does not end in a newline`);
  return {
    // Steps are said of the dataset by this name, and a repository has a file of it.
    name: `data-${path.basename(file).replace(/[^A-Za-z0-9]+/g, '-')}`,
    about: `${path.basename(file)}; in 1 % of its lines, at random, the last field becomes that of another line`,
    write: (to) => copyFile(file, to),
    async change(from, to, day) {
      const others = await pickLines(from, (index) => isChanged(index, -day));
      await rewrite(from, to, (index, text) => {
        const other = isChanged(index, day) ? others[index % others.length] : undefined;
        return other === undefined ? undefined : withLastOf(text(), other);
      });
    },
  };
}

/** Keeps fields from the first to the last but one. */
function withLastOf(line: string, other: string): string {
  const kept = line.slice(0, line.lastIndexOf(TAB) + 1);
  return `${kept}${other.slice(other.lastIndexOf(TAB) + 1)}`;
}

async function endsInNewline(file: string): Promise<boolean> {
  let last: number | undefined;
  for await (const block of createReadStream(file, { highWaterMark: 1 << 20 }))
    last = (block as Buffer).at(-1) ?? last;
  return last === NEWLINE;
}
