import { seededRandom } from '../repository/rows.ts';

export type Files = Readonly<Record<string, Buffer>>;

const DAY_MS = 86_400_000;
const STATES = ['new', 'paid', 'sent', 'returned', 'lost\\tand found'];

/** A row of what columns are made for. Every 500th is another one each day. */
function rowOf(index: number, day: number): string {
  const random = seededRandom(index % 500 === 0 ? index + day * 100_000 : index);
  const number = (most: number) => Math.floor(random() * most);
  const hex = (digits: number) => Array.from({ length: digits }, () => number(16).toString(16)).join('');
  const maybe = (value: string) => (number(4) === 0 ? '\\N' : value);
  const instant = new Date(Date.UTC(1969, 0, 1) + number(50_000) * DAY_MS + number(DAY_MS)).toISOString();
  const micros = String(number(1_000_000)).padStart(6, '0').replace(/0+$/, '');
  const [first, ...rest] = [hex(8), hex(4), hex(4), hex(4), hex(12)];
  return [
    index + 1,
    (number(2_000_000) / 100 - 10_000).toFixed(2),
    number(1_000_000) / 1000 - 500,
    maybe(String(number(2 ** 31) - 2 ** 30)),
    `${number(2 ** 31)}${String(number(10 ** 9)).padStart(9, '0')}`,
    instant.slice(0, 10),
    maybe(instant.slice(0, 19).replace('T', ' ')),
    `${instant.slice(0, 19).replace('T', ' ')}${micros === '' ? '' : `.${micros}`}+00`,
    [first, ...rest].join('-'),
    maybe(`\\\\x${hex(16)}`),
    maybe(STATES[number(STATES.length)] ?? ''),
    'EUR',
    `${hex(1 + number(20))} ü`,
  ].join('\t');
}

function proseOf(day: number, count: number): string {
  const random = seededRandom(7);
  const words = Array.from({ length: 400 }, () => Math.floor(random() * 36 ** 5).toString(36));
  const word = () => words[Math.floor(random() * words.length)] ?? '';
  const lines = Array.from({ length: count }, () => Array.from({ length: 10 }, word).join(' '));
  // No newline at the end: the writer adds one, and the reader leaves it out.
  return lines.map((line, index) => (index % 500 === 0 ? `day ${day}: ${line}` : line)).join('\n');
}

function noiseOf(bytes: number, seed: number): Buffer {
  const random = seededRandom(seed);
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
}

/** Lines of JSON of three shapes, one of them seldom, and some of none. */
function jsonOf(day: number, count: number): string {
  const random = seededRandom(11);
  return Array.from({ length: count }, (_, index) => {
    const number = Math.floor(random() * 10_000) + (index % 500 === 0 ? day : 0);
    const extra = index % 3 === 0 ? { seen: random() < 0.5, 'quoted "name"': null } : {};
    const rare = index % 400 === 7 ? { tags: ['a', 'b', index] } : {};
    const hash = Array.from({ length: 48 }, () => Math.floor(random() * 16).toString(16)).join('');
    const line = { hash, at: 1.7e12 + number, text: 'a \\ "ü"', ...extra, ...rare };
    return index % 300 === 1 ? 'no JSON "at all\\\n' : `${JSON.stringify(line)}\n`;
  }).join('');
}

/** What the source has on a day. */
export function filesOf(day: number, { rows: count }: { readonly rows: number }): Files {
  const rows = Array.from({ length: count }, (_, index) => `${rowOf(index, day)}\n`).join('');
  const noise = noiseOf(60_000, 3);
  noise.write(`day ${day}`, 30_000);
  return {
    'table.txt': Buffer.from(rows),
    'below/prose.txt': Buffer.from(proseOf(day, count)),
    'lines.json': Buffer.from(jsonOf(day, count)),
    'noise.bin': noise,
    'empty.txt': Buffer.alloc(0),
    'newline.txt': Buffer.from('\n'),
    [`of day ${day}.txt`]: Buffer.from(`only on day ${day}`),
  };
}
