import { seededRandom } from '../../test/support/repository/rows.ts';

const PRODUCTS = 20_000;
const WAREHOUSES = 12;
const FIRST_AT = 1_700_000_000;
const SECONDS_A_LINE = 11;
const LINES_AN_ORDER = 3;
const DISCOUNTS = [0, 0, 0, 0, 5, 10, 15, 20];

/**
 * A line of an order as COPY text, about 85 bytes, of numbers but for its time: id, order, product, quantity, unit price,
 * discount, total, time, warehouse, latitude, longitude, weight.
 *
 * @param version 0 for the first form of the row; others have another quantity, discount, total and time
 */
export function numberRow(id: number, version = 0): string {
  const random = seededRandom(id * 2 + 3);
  const changed = version === 0 ? random : seededRandom(id * 7919 + version);
  const order = 500_000 + Math.floor(id / LINES_AN_ORDER);
  const product = Math.floor(PRODUCTS ** random());
  // A product has one price and weight; an order has one place.
  const [ofProduct, ofOrder] = [seededRandom(product * 2 + 17), seededRandom(order * 2 + 19)];
  const price = Math.ceil(ofProduct() ** 3 * 49_900) / 100;
  const grams = Math.ceil(ofProduct() ** 2 * 20_000);
  const warehouse = 1 + Math.floor(ofOrder() * WAREHOUSES);
  const [latitude, longitude] = [47 + 8 * ofOrder(), 6 + 9 * ofOrder()];
  const quantity = 1 + Math.floor(changed() ** 3 * 40);
  const discount = DISCOUNTS[Math.floor(changed() * DISCOUNTS.length)] ?? 0;
  const total = (Math.round(quantity * price * (100 - discount)) / 100).toFixed(2);
  const seconds =
    FIRST_AT + order * SECONDS_A_LINE + Math.floor(changed() * 600) + (version > 0 ? 86_400 : 0);
  const at = new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const fields = [
    id,
    order,
    product,
    quantity,
    price.toFixed(2),
    discount,
    total,
    at,
    warehouse,
    latitude.toFixed(6),
    longitude.toFixed(6),
    (quantity * grams) / 1000,
  ];
  return `${fields.join('\t')}\n`;
}
