import * as z from 'zod';
import type { StoragePrice } from '../core/forecast.ts';

/** What storing costs, for forecasts alone. */
export const PricesConfig = z.strictObject({
  /** A GiB for a month. */
  storageGibMonth: z.number().min(0).max(1000),
  /** ISO 4217. */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'it is not the code of a currency (USD, EUR)')
    .optional(),
});

/** Of the first 50 TB. Other regions, classes and stores have other prices, and AWS changes them. */
const S3_STANDARD: StoragePrice = {
  perGibMonth: 0.023,
  currency: 'USD',
  of: 'S3 Standard in us-east-1, November 2026',
};

/**
 * @param place.repository as it is configured
 * @returns undefined of a folder, or of another store than AWS, unless a price is configured
 */
export function resolvePrice(
  prices: z.infer<typeof PricesConfig> | undefined,
  {
    repository,
    endpoint,
  }: { readonly repository: string | undefined; readonly endpoint: string | undefined },
): StoragePrice | undefined {
  if (prices)
    return {
      perGibMonth: prices.storageGibMonth,
      currency: prices.currency ?? 'USD',
      of: 'as configured',
    };
  return repository?.startsWith('s3://') && endpoint === undefined ? S3_STANDARD : undefined;
}
