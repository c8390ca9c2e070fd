import { describe, expect, it } from 'vitest';
import { parseCondition } from '../../../../shared/jobs/inside/conditions.ts';

const COLUMNS = [
  { name: 'id', type: 'integer', isNumber: true },
  { name: 'name', type: 'text', isNumber: false },
  { name: 'odd "name', type: 'text', isNumber: false },
];
const holds = (text: string, ...row: (string | null)[]) => parseCondition(text, COLUMNS)(row);

describe('a condition', () => {
  it('compares numbers as numbers, all else as text, and NULL with nothing', () => {
    expect(holds('id = 010.0', '10', 'a')).toBe(true);
    expect(holds('id > 9', '10', 'a')).toBe(true);
    expect(holds('name > 9', '1', '10')).toBe(false);
    expect(holds('name != a', '1', null)).toBe(false);
    expect(holds('name is not null', '1', null)).toBe(false);
    expect(holds('"odd ""name" ~ x', '1', 'a', 'axb')).toBe(true);
  });

  it.each([
    ["name = 'Ada and id = 3'", 'Ada and id = 3'],
    ['name = this and that', 'this and that'],
    ['name = Ada or so', 'Ada or so'],
    ["name = '(select 1)'", '(select 1)'],
    ["name = 'O''Hara and name = x'", "O'Hara and name = x"],
    ['name = selected', 'selected'],
  ])('takes a text as it is: %s', (text, value) => {
    expect(holds(text, '1', value)).toBe(true);
  });

  it.each([
    ['nothing = 1', "there is no column 'nothing'", 'The columns are id, name, odd "name.'],
    ['nam = 1', "there is no column 'nam'", 'Did you mean name?'],
    ['5 = 5', "there is no column '5'", 'The columns are'],
    ['name', "'name' is not a condition", 'A condition is one column'],
    ['id in (1, 2)', "'id in (1, 2)' is not a condition", 'A condition is one column'],
    ['id in (select id from t)', 'is not a condition', 'A condition is one column'],
    ['exists (select 1)', 'is not a condition', 'A condition is one column'],
    ['id = x', "id is integer; 'x' is not a number", "such as 'id = 42'"],
    ["id >= ''", "id is integer; '' is not a number", "such as 'id >= 42'"],
    ['id = (select max(id) from t)', 'has a subquery', '`holdfast query` runs SQL over backups'],
    ['name = ( SELECT name FROM t)', 'has a subquery', 'put it in single quotes'],
    ['name = Ada and id = 3', 'is more than one condition', 'Give each one by itself'],
    ["name = 'Ada' or id = 3", 'is more than one condition', 'Give each one by itself'],
    ['name = a and b and "odd ""name" is null', 'is more than one condition', 'Give each one by itself'],
    ['id > 3 AND id < 5', 'is more than one condition', 'Give each one by itself'],
  ])('is refused with what to do: %s', (text, message, hint) => {
    expect(() => parseCondition(text, COLUMNS)).toThrow(
      expect.objectContaining({
        code: 'E_USAGE',
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
      }),
    );
  });
});
