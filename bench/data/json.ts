import { seededRandom } from '../../test/support/repository/rows.ts';
import { sentence, time, word } from './table.ts';

const STATUSES = ['open', 'paid', 'packed', 'sent', 'returned'] as const;
const CHANNELS = ['web', 'app', 'shop', 'partner'] as const;
const COUNTRIES = ['DE', 'FR', 'ES', 'IT', 'NL', 'PL', 'SE', 'CH'] as const;
const MOST_ITEMS = 5;

type Random = () => number;

/**
 * An order as a JSON document, one line of some 700 bytes. Not all have the same keys: companies, addresses to send to,
 * notes, coupons and times come and go, and items are a list.
 *
 * @param version 0 for the first form; others have another status, time of change and note
 */
export function jsonDocument(id: number, version = 0): string {
  const random = seededRandom(id * 2 + 7);
  const changed = version === 0 ? random : seededRandom(id * 7919 + version);
  const pick = <T>(of: readonly T[], from: Random) => of[Math.floor(from() * of.length)];
  const address = () => ({
    street: `${word(random)} ${1 + Math.floor(random() * 200)}`,
    zip: String(10_000 + Math.floor(random() * 89_999)),
    city: word(random),
    country: pick(COUNTRIES, random),
  });
  const [first, last] = [word(random), word(random)];
  const items = Array.from({ length: 1 + Math.floor(random() * MOST_ITEMS) }, () => ({
    sku: `${word(random).slice(0, 3).toUpperCase()}-${Math.floor(random() ** 2 * 9000) + 1000}`,
    name: sentence(random, 3),
    quantity: 1 + Math.floor(random() ** 3 * 9),
    price: Math.ceil(random() ** 3 * 30_000) / 100,
    ...(random() < 0.2 && { options: { size: pick(['S', 'M', 'L', 'XL'], random), gift: random() < 0.5 } }),
  }));
  const document = {
    _id: `${(1_700_000_000 + id * 17).toString(16)}${Math.floor(random() * 2 ** 48)
      .toString(16)
      .padStart(12, '0')}`,
    number: id,
    channel: pick(CHANNELS, random),
    customer: {
      id: Math.floor(40_000 ** random()),
      name: `${first} ${last}`,
      email: `${first}.${last}@example.org`,
      ...(random() < 0.15 && { company: `${word(random)} ${pick(['GmbH', 'Ltd', 'SA'], random)}` }),
    },
    billing: address(),
    ...(random() < 0.25 && { shipping: address() }),
    items,
    total: Math.round(items.reduce((sum, { quantity, price }) => sum + quantity * price, 0) * 100) / 100,
    ...(random() < 0.1 && { coupon: word(random).toUpperCase() }),
    createdAt: time(random),
    status: pick(STATUSES, changed),
    updatedAt: time(changed),
    ...(changed() < 0.3 && { note: sentence(changed, 9) }),
  };
  return `${JSON.stringify(document)}\n`;
}
