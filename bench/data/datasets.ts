import { copyFile } from 'node:fs/promises';
import { seededRandom } from '../../test/support/repository/rows.ts';
import { jsonDocument } from './json.ts';
import { type Change, isChanged, pickLines, rewrite, writeLines } from './lines.ts';
import { numberRow } from './numbers.ts';
import { proseRow } from './prose.ts';
import { sentence, tableRow, time, word } from './table.ts';
import { readTexts } from './texts.ts';

/** Data made from a seed, so that every run has the same. */
export interface Dataset {
  readonly name: string;
  readonly about: string;
  write(file: string): Promise<void>;
  /** Writes the next day's form of `from`, 1 % of which is different. */
  change(from: string, to: string, day: number): Promise<void>;
}

/** @param scale 1 for the full sizes */
export function datasets(scale: number): readonly Dataset[] {
  const rows = Math.round(2_500_000 * scale);
  return [
    tableDump(rows),
    numbers(Math.round(2_000_000 * scale)),
    jsonDocuments(Math.round(300_000 * scale)),
    prose(Math.round(886_000 * scale)),
    realText(40e6 * scale),
    jsonTree(Math.round(400_000 * scale)),
    appendedLog(Math.round(1_000_000 * scale)),
    randomOrder(Math.round(rows / 3)),
  ];
}

export function tableDump(rows: number): Dataset {
  return changedAtRandom({
    name: 'table',
    about: `${count(rows)} rows of a table as COPY text: id, e-mail, name, time, amount, flag, a sentence; 1 % of the rows, at random, get another time, amount and sentence`,
    lines: rows,
    lineOf: tableRow,
  });
}

function numbers(rows: number): Dataset {
  return changedAtRandom({
    name: 'numbers',
    about: `${count(rows)} rows of a table of mostly numbers as COPY text: ids, quantities, prices, a time, places, weights; 1 % of the rows, at random, get another quantity, discount, total and time`,
    lines: rows,
    lineOf: numberRow,
  });
}

function jsonDocuments(documents: number): Dataset {
  return changedAtRandom({
    name: 'json',
    about: `${count(documents)} JSON documents, one a line, whose keys differ; 1 % of them, at random, get another status, time and note`,
    lines: documents,
    lineOf: jsonDocument,
  });
}

function prose(rows: number): Dataset {
  return changedAtRandom({
    name: 'prose',
    about: `${count(rows)} rows of a table as COPY text: names and summaries as of software packages, of words that are made up; 1 % of the rows, at random, get another summary`,
    lines: rows,
    lineOf: proseRow,
  });
}

/** Lines of which each has other forms. @param options.lineOf version 0 is the first form */
function changedAtRandom(options: {
  readonly name: string;
  readonly about: string;
  readonly lines: number;
  readonly lineOf: (index: number, version?: number) => string;
}): Dataset {
  const { name, about, lines, lineOf } = options;
  return {
    name,
    about,
    write: (file) => writeLines(file, lines, (index) => lineOf(index)),
    change: (from, to, day) =>
      rewrite(from, to, (index) => (isChanged(index, day) ? lineOf(index, day) : undefined)),
  };
}

function realText(bytes: number): Dataset {
  return {
    name: 'text',
    about:
      'real text: what is source code, JSON and prose in the npm packages below node_modules, each file below 1 MB once, in order of path; 1 % of the lines, at random, become other lines of it',
    async write(file) {
      const texts = readTexts(bytes);
      await writeLines(file, texts.length, (index) => texts[index] ?? '');
    },
    async change(from, to, day) {
      const others = await pickLines(from, (index) => isChanged(index, -day));
      await rewrite(from, to, (index) => (isChanged(index, day) ? others[index % others.length] : undefined));
    },
  };
}

function jsonTree(nodes: number): Dataset {
  return changedAtRandom({
    name: 'tree',
    about: `a JSON tree as NDJSON, ${count(nodes)} nodes; 1 % of them, at random, change a part`,
    lines: nodes,
    lineOf: treeNode,
  });
}

function treeNode(index: number, version = 0): string {
  const random = seededRandom(index * 2 + 5);
  const changed = version === 0 ? random : seededRandom(index * 104_729 + version);
  const messages = Array.from({ length: 1 + Math.floor(random() * 3) }, () => [
    key(random),
    { from: word(random), at: time(random), text: sentence(random, 8) },
  ]);
  const value = {
    profile: { name: `${word(random)} ${word(random)}`, city: word(random), member: random() < 0.3 },
    messages: Object.fromEntries(messages),
    state: { seen: time(changed), score: Math.floor(changed() * 1e6), note: sentence(changed, 5) },
  };
  return `${JSON.stringify({ key: `${index.toString().padStart(8, '0')}${key(random)}`, value })}\n`;
}

function key(random: () => number): string {
  return `-N${Math.floor(random() * 2 ** 40).toString(36)}`;
}

function appendedLog(lines: number): Dataset {
  return appended({
    name: 'log',
    about: `an append-only log of ${count(lines)} lines; then 1 % more at its end`,
    lines,
    lineOf: logLine,
  });
}

export function appendedTable(rows: number): Dataset {
  return appended({
    name: 'appended',
    about: `${count(rows)} rows of a table as COPY text; each day 1 % of that many more at its end`,
    lines: rows,
    lineOf: tableRow,
  });
}

/** Each day has 1 % of the first lines more, at the end. */
function appended(options: {
  readonly name: string;
  readonly about: string;
  readonly lines: number;
  readonly lineOf: (index: number) => string;
}): Dataset {
  const { name, about, lines, lineOf } = options;
  const more = Math.round(lines / 100);
  return {
    name,
    about,
    write: (file) => writeLines(file, lines, (index) => lineOf(index)),
    async change(from, to, day) {
      await copyFile(from, to);
      const first = lines + (day - 1) * more;
      await writeLines(to, more, (index) => lineOf(first + index), { append: true });
    },
  };
}

function logLine(index: number): string {
  const random = seededRandom(index * 2 + 9);
  const at = new Date(1_700_000_000_000 + index * 40 + Math.floor(random() * 40)).toISOString();
  const status = random() < 0.95 ? 200 : 404;
  const page = `/${word(random)}/${Math.floor(random() * 1e5)}`;
  const from = `10.${Math.floor(random() * 256)}.${Math.floor(random() * 256)}.7`;
  return `${at} INFO ${from} "GET ${page}" ${status} ${Math.floor(random() * 9e4)} ${Math.floor(random() * 300)}ms request=${Math.floor(random() * 2 ** 48).toString(16)} ${sentence(random, 4)}\n`;
}

function randomOrder(rows: number): Dataset {
  return {
    name: 'shuffled',
    about: `${count(rows)} rows of a table in random order; 1 % of them change places`,
    async write(file) {
      const ids = shuffled([...Array(rows).keys()], 1);
      await writeLines(file, rows, (index) => tableRow(ids[index] ?? 0));
    },
    async change(from, to, day) {
      const moved = shuffled(await pickLines(from, (index) => isChanged(index, day)), day);
      const place: Change = (index) => (isChanged(index, day) ? moved.pop() : undefined);
      await rewrite(from, to, place);
    },
  };
}

/** Fisher-Yates, in place. */
function shuffled<T>(items: T[], seed: number): T[] {
  const random = seededRandom(seed);
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [items[last], items[other]];
    if (a === undefined || b === undefined) continue;
    items[last] = b;
    items[other] = a;
  }
  return items;
}

function count(of: number): string {
  return of.toLocaleString('en-US');
}
