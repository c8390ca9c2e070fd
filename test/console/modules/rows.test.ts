import { describe, expect, it } from 'vitest';
import {
  type Condition,
  conditionsOf,
  conditionText,
  withConditions,
} from '../../../console/screens/rows/conditions.ts';
import {
  actionOf,
  pickCounts,
  pickedIn,
  type RowKey,
  selectionOf,
} from '../../../console/screens/rows/picks.ts';
import { parseCondition } from '../../../shared/jobs/inside/conditions.ts';

const ODD = `it''s "50 %" = ~ é`;
const columns = [
  { name: 'id', type: 'integer', isNumber: true },
  { name: ODD, type: 'text', isNumber: false },
];

describe('conditions of the form', () => {
  it.each([
    [{ column: ODD, operator: '=', value: ODD }, ['1', ODD], ['1', 'other']],
    [{ column: ODD, operator: '~', value: "'s" }, ['1', ODD], ['1', 's']],
    [{ column: ODD, operator: '=', value: '' }, ['1', ''], ['1', null]],
    [{ column: 'id', operator: '>=', value: '10' }, ['10', ''], ['9', '']],
    [{ column: ODD, operator: 'is null', value: '' }, ['1', null], ['1', 'NULL']],
    [{ column: ODD, operator: 'is not null', value: '' }, ['1', ''], ['1', null]],
  ] as const satisfies readonly (readonly [Condition, ...unknown[]])[])(
    'mean to the engine what they say: %j',
    (condition, row, other) => {
      const test = parseCondition(conditionText(condition), columns);
      expect([test(row), test(other)]).toEqual([true, false]);
      const address = new URLSearchParams(
        withConditions(new URLSearchParams('dataset=a'), [condition]).toString(),
      );
      expect(conditionsOf(address)).toEqual([condition]);
      expect(address.get('dataset')).toBe('a');
    },
  );

  it('are none where the address says something else', () => {
    const query = new URLSearchParams('where=x&where=[]&where=["id","drop","1"]&where=["id","=",1]');
    expect(conditionsOf(query)).toEqual([]);
  });
});

describe('picked rows', () => {
  const pick = (before: Parameters<typeof pickedIn>[0], dataset: string, keys: readonly RowKey[]) =>
    pickedIn(before, dataset, { rows: keys.map((key) => ({ key })), isPicked: true });

  it('are sent by their keys, of all datasets at once, and each one once', () => {
    const some = pick(pick(new Map(), 'orders', [['1', 'a,b']]), 'customers', [['7'], ['7'], ['8']]);
    expect(actionOf(pickCounts(some))).toBe('Put back 3 rows');
    expect(selectionOf(some)).toEqual({
      dataset: 'orders',
      keys: [['1', 'a,b']],
      more: [{ dataset: 'customers', keys: [['7'], ['8']] }],
    });
    const fewer = pickedIn(some, 'orders', { rows: [{ key: ['1', 'a,b'] }], isPicked: false });
    expect(selectionOf(fewer)).toEqual({ dataset: 'customers', keys: [['7'], ['8']] });
    const rows = [{ key: ['7'] }, { key: ['8'] }];
    expect(selectionOf(pickedIn(fewer, 'customers', { rows, isPicked: false }))).toBeUndefined();
  });

  it('that came later are sent with what they held, to be removed', () => {
    const gone = { id: '9', note: null };
    const rows = [{ key: ['9'], gone }];
    const only = pickedIn(new Map(), 'orders', { rows, isPicked: true });
    expect(actionOf(pickCounts(only))).toBe('Remove 1 row');
    expect(selectionOf(only)).toEqual({ dataset: 'orders', remove: [gone] });
    const both = pick(only, 'orders', [['1'], ['2']]);
    expect(actionOf(pickCounts(both))).toBe('Put back 2 rows, remove 1 row');
    expect(selectionOf(both)).toEqual({ dataset: 'orders', keys: [['1'], ['2']], remove: [gone] });
    expect(actionOf(pickCounts(new Map()))).toBeUndefined();
  });
});
