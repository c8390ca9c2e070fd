import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../../shared/config/config.ts';
import { expectationOf } from '../../../../shared/jobs/verdict/expectation.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-29T12:00:00Z');

interface Asked {
  readonly file?: object;
  readonly runsDefaults?: boolean;
  readonly types?: readonly string[];
  /** Hours ago, newest first. */
  readonly starts?: readonly number[];
}

function hours({ file = {}, runsDefaults = false, types = [], starts = [] }: Asked) {
  const shop = { kind: 'files', url: '/shop' };
  const config = resolveConfig({ file: { sources: { shop }, ...file }, fileName: 'f', env: {}, flags: {} });
  const source = config.sources.find(({ name }) => name === 'shop');
  const { ms, basis } = expectationOf({
    name: 'shop',
    rpoMs: source?.rpoMs,
    config,
    runsDefaults,
    types: new Set(types),
    starts: starts.map((ago) => new Date(NOW - ago * HOUR)),
  });
  return [ms / HOUR, basis];
}

const off = { daily: 'off', weekly: 'off' };
const rpo = { shop: { kind: 'files', url: '/shop', rpo: '90m' } };

describe('how old the newest good backup may be', () => {
  it.each([
    [
      'the objective of the source',
      { file: { sources: rpo, schedules: { hourly: '0 * * * *' } } },
      [1.5, 'rpo'],
    ],
    ['that of all', { file: { aws: { alarms: { backupAgeHours: 40 } } } }, [40, 'alarms']],
    ['an hourly schedule', { file: { schedules: { ...off, hourly: '10 * * * *' } } }, [3, 'schedule']],
    ['every six hours', { file: { schedules: { ...off, often: '0 */6 * * *' } } }, [8, 'schedule']],
    ['a daily one', { file: { schedules: { ...off, night: '0 2 * * *' } } }, [26, 'schedule']],
    [
      'on weekdays: over a weekend',
      { file: { schedules: { ...off, work: '0 2 * * 1-5' } } },
      [74, 'schedule'],
    ],
    ['a weekly one', { file: { schedules: { ...off, week: '0 3 * * 0' } } }, [170, 'schedule']],
    ['a monthly one', { file: { schedules: { ...off, month: '0 3 1 * *' } } }, [746, 'schedule']],
    ['a rate', { file: { schedules: { ...off, r: { rate: '5 hours' } } } }, [7, 'schedule']],
    [
      'the shortest of several',
      { file: { schedules: { daily: '0 2 * * *', weekly: '0 3 * * 0' } } },
      [26, 'schedule'],
    ],
    [
      'one of another source does not count',
      {
        file: {
          sources: { ...rpo, shop: { kind: 'files', url: '/s' }, game: { kind: 'files', url: '/g' } },
          schedules: { ...off, hourly: { rate: '1 hour', sources: ['game'] }, week: '0 3 * * 0' },
        },
      },
      [170, 'schedule'],
    ],
    ['those that nobody set, where they run', { runsDefaults: true }, [26, 'schedule']],
    ['those that nobody set, where there are such backups', { types: ['weekly'] }, [170, 'schedule']],
    ['nothing is known', {}, [168, 'assumed']],
    ['two backups are no rhythm', { types: ['manual'], starts: [1, 25] }, [168, 'assumed']],
    ['a rhythm of days', { types: ['manual'], starts: [1, 25, 49, 73, 97] }, [26, 'rhythm']],
    [
      'a rhythm of weeks, with an outage that excuses none',
      { types: ['manual'], starts: [1, 169, 337, 1337, 1505] },
      [170, 'rhythm'],
    ],
    [
      'many in an hour are a rhythm of days',
      { types: ['manual'], starts: [1, 1.1, 1.2, 1.3, 1.4] },
      [26, 'rhythm'],
    ],
  ] as readonly (readonly [string, Asked, readonly (number | string)[]])[])('%s', (_, asked, wanted) => {
    expect(hours(asked)).toEqual(wanted);
  });

  it.each(['0h', '26', 'soon', '26 hours'])('is refused as %s', (text) => {
    const sources = { shop: { kind: 'files', url: '/shop', rpo: text } };
    expect(() => hours({ file: { sources } })).toThrow(/sources\.shop\.rpo.*give an age/);
  });

  it('is for sources alone', () => {
    const targets = { copy: { kind: 'files', url: '/copy', rpo: '26h' } };
    expect(() => hours({ file: { targets } })).toThrow(/targets\.copy\.rpo.*is for sources/);
  });
});
