import { describe, expect, it } from 'vitest';
import { csvRow, parseCsv } from '../../../../shared/core/csv.ts';
import { sameNumberText } from '../../../../shared/jobs/inside/compare-values.ts';
import { readRowsFile } from '../../../../shared/jobs/inside/rows-file.ts';
import { seededRandom } from '../../../support/repository/rows.ts';

const read = (text: string, key: readonly string[] = ['id'], datasets?: readonly string[]) =>
  readRowsFile(text, { name: 'keys', datasets: datasets ?? ['orders'], keyOf: async () => key });

describe('a file of rows', () => {
  it('is a key a line, CSV that names the columns of the key, or NDJSON', async () => {
    const wanted = [{ dataset: 'orders', keys: [{ id: '1' }, { id: 'a b' }], removals: [] }];
    expect(await read('1\n\n a b \r\n')).toEqual(wanted);
    expect(await read('name,id\r\nx,1\r\n"y, ""z""",a b\r\n')).toEqual(wanted);
    expect(await read('{"id":1}\n{"id":"a b","name":null}\n')).toMatchObject([
      { keys: [{ id: '1' }, { id: 'a b' }] },
    ]);
    expect(await read('a,b\n1,2\n', ['b', 'a'])).toMatchObject([{ keys: [{ b: '2', a: '1' }] }]);
  });

  it('of lines of a difference says of which datasets, what comes back and what goes', async () => {
    const line = (dataset: string, change: string, id: string) =>
      JSON.stringify({ dataset, change, key: { id }, before: null, after: { id, v: null } });
    const text = [line('a', 'removed', '1'), line('b', 'changed', '2'), line('a', 'added', '3')].join('\n');
    expect(await readRowsFile(text, { name: 'keys', datasets: undefined, keyOf: async () => [] })).toEqual([
      { dataset: 'a', keys: [{ id: '1' }], removals: [{ id: '3', v: null }] },
      { dataset: 'b', keys: [{ id: '2' }], removals: [] },
    ]);
    expect(await read(text, ['id'], ['b'])).toHaveLength(1);
  });

  it('of lines of a difference passes over definitions, which rows cannot bring back', async () => {
    const lines = ['post-data', 'orders'].map((dataset) =>
      JSON.stringify({ dataset, change: 'removed', key: dataset === 'orders' ? { id: '1' } : {} }),
    );
    const about = { name: 'keys', datasets: undefined, keyOf: async () => ['id'] };
    const isDefinitions = async (dataset: string) => dataset === 'post-data';
    expect(await readRowsFile(lines.join('\n'), { ...about, isDefinitions })).toEqual([
      { dataset: 'orders', keys: [{ id: '1' }], removals: [] },
    ]);
    const [only = ''] = lines;
    await expect(readRowsFile(only, { ...about, isDefinitions })).rejects.toThrow('does not name any row');
  });

  it.each([
    ['', /does not name any row/],
    ['{"id":1}\n{"id"', /line 2: it is not JSON/],
    ['{"id":true}', /id is true; write the value as text/],
    ['{"id":12345678901234567890}', /write the value as text/],
    ['{"dataset":"a","change":"moved","key":{"id":"1"}}', /allowed are added, removed and changed/, ['a']],
    ['{"dataset":"a","change":"removed","key":{}}', /no primary key/, ['a']],
    ['{"dataset":"a","change":"added","key":{"id":"1"},"after":null}', /null is not an object/, ['a']],
    ['name,id\nx\n', /row 2: it has 1 fields, its header 2/],
  ])('that cannot be is refused, with the line: %j', async (text, message, datasets?: readonly string[]) => {
    await expect(read(text, ['id'], datasets)).rejects.toMatchObject({
      code: 'E_USAGE',
      message: expect.stringMatching(message),
    });
  });

  it('of a key of several columns must name them, and its dataset must be known', async () => {
    await expect(read('1\n', ['a', 'b'])).rejects.toThrow('the key of orders is (a, b)');
    await expect(read('1\n', ['id'], [])).rejects.toMatchObject({
      code: 'E_USAGE',
      hint: expect.stringContaining('--dataset'),
    });
  });
});

describe('CSV', () => {
  it('is read as it was written', () => {
    const random = seededRandom(1);
    const letters = [...'ab ,"\r\n\'é'];
    const field = () =>
      Array.from(
        { length: 1 + Math.floor(random() * 5) },
        () => letters[Math.floor(random() * letters.length)],
      ).join('');
    const records = Array.from({ length: 300 }, () =>
      Array.from({ length: 1 + Math.floor(random() * 4) }, field),
    );
    expect(parseCsv(records.map(csvRow).join(''))).toEqual(records);
    expect(parseCsv('a,b\n,""\n')).toEqual([
      ['a', 'b'],
      ['', ''],
    ]);
    expect(parseCsv('a\r\n\r\nb')).toEqual([['a'], ['b']]);
  });
});

describe('a number', () => {
  it.each([
    ['007', '7'],
    ['1.500', '1.5'],
    ['-0.0', '0'],
    ['+12345678901234567890', '12345678901234567890'],
    ['1e3', '1000'],
    ['NaN', 'NaN'],
  ])('%s is %s', (text, same) => {
    expect(sameNumberText(text)).toBe(same);
  });
});
