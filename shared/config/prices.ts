import * as z from 'zod';
import type { StoragePrice } from '../core/forecast.ts';

/** Storage prices, used only for forecasts. */
export const PricesConfig = z.strictObject({
  /** Per GiB and month. */
  storageGibMonth: z.number().min(0).max(1000),
  /** ISO 4217. */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'not a currency code (USD, EUR)')
    .optional(),
});

/**
 * The price of the first 50 TB. Other regions, classes and stores have other prices, and AWS changes them.
 */
const S3_STANDARD: StoragePrice = {
  perGibMonth: 0.023,
  currency: 'USD',
  of: 'S3 Standard in us-east-1, November 2026',
};

/**
 * @param place.repository as configured
 * @returns undefined for a folder, or for a store other than AWS, unless a price is configured
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
