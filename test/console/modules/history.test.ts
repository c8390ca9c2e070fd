import { describe, expect, it } from 'vitest';
import type { RowVersion } from '../../../console/screens/history/answer.ts';
import { changesBetween } from '../../../console/screens/history/field-changes.ts';
import { historyHref, wantedRow } from '../../../console/screens/history/wanted-row.ts';

const version = (
  values: readonly (string | null)[] | null,
  names: readonly string[] = ['id', 'note'],
  more: Partial<RowVersion> = {},
): RowVersion => ({
  key: 'backups/daily/20260301/backup_daily_20260301_020000.json',
  startedAt: '2026-03-01T02:00:00.000Z',
  transaction: null,
  columns: names.map((name) => ({ name, type: 'text', isNumber: false })),
  values: values && [...values],
  ...more,
});
const named = (changes: ReturnType<typeof changesBetween>) =>
  changes.map(({ column, before, after }) => [column, before?.value, after?.value]);

describe('the history of a row', () => {
  it('names the columns that differ, also those that came or went', () => {
    expect(named(changesBetween(version(['1', 'a']), version(['1', null])))).toEqual([['note', 'a', null]]);
    expect(named(changesBetween(version(['1', 'a']), version(['1', 'b'], ['id', 'text'])))).toEqual([
      ['text', undefined, 'b'],
      ['note', 'a', undefined],
    ]);
    // Another order of columns is no change.
    expect(changesBetween(version(['1', 'a']), version(['a', '1'], ['note', 'id']))).toEqual([]);
  });

  it('has all columns of a row that was not there before', () => {
    const all = [
      ['id', undefined, '1'],
      ['note', undefined, ''],
    ];
    expect(named(changesBetween(undefined, version(['1', ''])))).toEqual(all);
    expect(named(changesBetween(version(null, []), version(['1', ''])))).toEqual(all);
  });

  it('counts the length of values of which only the beginning is known', () => {
    const cut = (characters: number) => version(['1', 'a'], undefined, { cut: [{ column: 1, characters }] });
    expect(named(changesBetween(cut(3000), cut(3001)))).toEqual([['note', 'a', 'a']]);
    expect(changesBetween(cut(3000), cut(3000))).toEqual([]);
  });

  it('has an address, whatever its names and keys hold', () => {
    const odd = `a/b "c" & d=é #?`;
    const href = historyHref(odd, `public.${odd}`, ['1', odd, '']);
    const query = new URLSearchParams(href?.split('?').slice(1).join('?'));
    expect(wantedRow(query)).toEqual({ source: odd, dataset: `public.${odd}`, key: ['1', odd, ''] });
    expect(historyHref('shop', 'public.log', [])).toBeUndefined();
    expect(historyHref('shop', 'public.log', [null])).toBeUndefined();
    for (const key of ['', '[]', '[1]', '{', '"a"'])
      expect(wantedRow(new URLSearchParams({ source: 'a', dataset: 'b', key })), key).toBeUndefined();
  });
});
