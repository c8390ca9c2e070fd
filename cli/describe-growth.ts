import { forecastOf, nextRoundSize, type StoragePrice, whyNoForecast } from '../shared/core/forecast.ts';
import { costText, growthText, reachText } from '../shared/core/forecast-words.ts';
import { DAY_MS } from '../shared/core/units.ts';
import { readPruneHistory } from '../shared/jobs/prune-history.ts';
import { type PackedDay, storedSizes } from '../shared/jobs/stored-sizes.ts';
import type { Session } from './session.ts';

/** Days that a forecast goes by, and some. */
const DAYS = 100;

/** How the repository grows, as a document and in words. */
export interface Growth {
  readonly forecast: ReturnType<typeof forecastOf> | null;
  readonly whyNoForecast: string | null;
  readonly price: StoragePrice | null;
  readonly text: string;
}

/** Reads reports of prunes of the last months. @throws E_STORE_* */
export async function readGrowth(
  repository: Session['repository'],
  { packedDays, packBytes }: { readonly packedDays: readonly PackedDay[]; readonly packBytes: number },
  { price, signal }: { readonly price: StoragePrice | undefined; readonly signal: AbortSignal },
): Promise<Growth> {
  const now = repository.clock.now();
  const since = new Date(now.getTime() - DAYS * DAY_MS);
  const sizes = storedSizes(packedDays, await readPruneHistory(repository, { since, signal }), now);
  const forecast = forecastOf(sizes);
  const lines = forecast
    ? [
        `growth         ${growthText(forecast)}`,
        `               ${reachText(forecast, nextRoundSize(packBytes))}`,
      ]
    : [`growth         no forecast: ${whyNoForecast(sizes)}`];
  return {
    forecast: forecast ?? null,
    whyNoForecast: forecast ? null : whyNoForecast(sizes),
    price: price ?? null,
    text: [...lines, ...(price ? [`costs          ${costText(packBytes, forecast, price)}`] : []), ''].join(
      '\n',
    ),
  };
}
