import { forecastOf, nextRoundSize, type StoragePrice, whyNoForecast } from '../shared/core/forecast.ts';
import { costText, growthText, reachText } from '../shared/core/forecast-words.ts';
import { DAY_MS } from '../shared/core/units.ts';
import { readPruneHistory } from '../shared/jobs/retention/prune-history.ts';
import { type PackedDay, storedSizes } from '../shared/jobs/status/stored-sizes.ts';
import { wrap } from './format.ts';
import type { CommandSession } from './session.ts';

/** Days that a forecast needs, and some more. */
const DAYS = 100;

/** How the repository grows, as a document and in words. */
export interface GrowthReport {
  readonly forecast: ReturnType<typeof forecastOf> | null;
  readonly whyNoForecast: string | null;
  readonly price: StoragePrice | null;
  readonly text: string;
}

/** Reads the prune reports of the last months. @throws E_STORE_* */
export async function readGrowth(
  repository: CommandSession['repository'],
  { packedDays, packBytes }: { readonly packedDays: readonly PackedDay[]; readonly packBytes: number },
  { price, signal }: { readonly price: StoragePrice | undefined; readonly signal: AbortSignal },
): Promise<GrowthReport> {
  const now = repository.clock.now();
  const since = new Date(now.getTime() - DAYS * DAY_MS);
  const sizes = storedSizes(packedDays, await readPruneHistory(repository, { since, signal }), now);
  const forecast = forecastOf(sizes);
  const growing = forecast
    ? `${growthText(forecast)}; ${reachText(forecast, nextRoundSize(packBytes))}`
    : `no forecast: ${whyNoForecast(sizes)}`;
  const lines = [
    ...named('growth', growing),
    ...(price ? named('costs', costText(packBytes, forecast, price).replace(/^storage costs /, '')) : []),
  ];
  return {
    forecast: forecast ?? null,
    whyNoForecast: forecast ? null : whyNoForecast(sizes),
    price: price ?? null,
    text: lines.map((line) => `${line}\n`).join(''),
  };
}

const WIDTH = 64;
const INDENT = 15;

/** A text beside its name, in lines that fit a terminal. */
function named(name: string, text: string): string[] {
  return wrap(text, WIDTH).map((line, i) => `${(i === 0 ? name : '').padEnd(INDENT)}${line}`);
}
