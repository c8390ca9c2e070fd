import { type ChurnDay, type ChurnYear, churnYear } from '../test/support/repository/churn-year.ts';
import { tableRow } from './data/table.ts';
import { codeTable, type Spread, spread } from './report.ts';

/** Of the bar. */
const DAYS = 415;
const QUICK_DAYS = 60;
/** 1.1 MB, as COPY text. */
const ROWS = 6300;
const STEP_DAYS = 15;
const FIRST_MONTH = 30;
const CHURNS = [
  { title: '1 to 5 %', churn: [0.01, 0.05] },
  { title: '1 %', churn: [0.01, 0.01] },
  { title: '5 %', churn: [0.05, 0.05] },
] as const;

/** A year and more of backups of a small table, pruned each day: what the newest needs, beside a first backup of the same data. */
export async function yearOfChurn({ quick }: { readonly quick: boolean }) {
  const days = quick ? QUICK_DAYS : DAYS;
  const series: { readonly title: string; readonly year: ChurnYear }[] = [];
  for (const { title, churn } of CHURNS) {
    console.log(`year: ${title}`);
    series.push({ title, year: await churnYear({ days, rows: ROWS, churn, rowOf: tableRow }) });
  }
  const last = series.map(({ year }) => factorOf(year.days.at(-1)));
  const bars = [
    {
      measure: `what the newest backup needs after ${days} days, by a first backup`,
      limit: 1.5,
      measured: spreadOf(last),
    },
  ];
  return { bars, section: section(series, days) };
}

function section(series: readonly { readonly title: string; readonly year: ChurnYear }[], days: number) {
  const curve = (series[0]?.year.days ?? [])
    .filter(({ day }) => day % STEP_DAYS === 0 || day === days)
    .map(({ day }) => [String(day), ...series.map(({ year }) => factorOf(year.days[day]).toFixed(2))]);
  const summary = series.map(({ title, year }) => {
    const later = year.days.slice(FIRST_MONTH);
    const factors = later.map(factorOf);
    const added = later.map(({ addedBytes }) => addedBytes);
    const fresh = year.days.at(-1)?.freshBytes ?? 1;
    return [
      title,
      mean(factors).toFixed(2),
      Math.max(...factors).toFixed(2),
      `${((100 * mean(added)) / fresh).toFixed(1)} %`,
      `${((100 * Math.max(...added)) / fresh).toFixed(0)} %`,
      (year.storedBytes / year.freshBytes).toFixed(2),
    ];
  });
  const header = ['CHANGED A DAY', 'MEAN', 'MOST', 'ADDED A DAY', 'MOST ADDED', 'REPOSITORY'];
  return `## A year

${days} days of a table of ${ROWS} rows (1.1 MB): a daily backup and one more each Sunday, pruned each day with the built-in retention and 12 monthly backups; in memory, by a clock of its own. What the newest backup needs, by a first backup of the same data in a new repository:

${codeTable(['DAY', ...series.map(({ title }) => title)], curve)}

From day ${FIRST_MONTH} on: what the newest backup needs on average and at most, what the backups of a day add by a first backup; and the whole repository at the end, by a new one that is given all backups that are still listed:

${codeTable(header, summary)}`;
}

function factorOf(day: ChurnDay | undefined): number {
  return day ? day.neededBytes / day.freshBytes : Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** The worst is what counts. */
function spreadOf(values: readonly number[]): Spread {
  return spread([Math.max(...values)]);
}
