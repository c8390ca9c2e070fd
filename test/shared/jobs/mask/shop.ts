/** A shop whose rows all hold something that can be found again, whatever it is stored as. */

/** In every value of the column; no other value has it. */
export const MARKS = {
  email: 'Qv7xZk2w',
  first: 'Wj8qXn3p',
  last: 'Zr5kVh9t',
  phone: '491555501',
  notes: 'Jq4wYb6m',
  card: '40000012345',
  doc: 'Xh2nQd8c',
  bytes: 'Tz6pLw1g',
  code: 'Kx9vRt4s',
  visitor: 'Mw3zGq7y',
} as const;

/** By column, for this many rows. */
export function customerOf(i: number) {
  return {
    email: `${MARKS.email}${i}@mail.test`,
    first: `${MARKS.first}${i}`,
    last: `${MARKS.last}${i}`,
    phone: `+${MARKS.phone} ${String(i).padStart(4, '0')}`,
    notes: `called ${MARKS.notes}${i} about the order, wants it back soon`,
    card: `${MARKS.card}${String(i).padStart(5, '0')}`,
    doc: `{"who": "${MARKS.doc}${i}", "seen": [{"by": "${MARKS.doc}x${i}"}], "n": ${i}, "ok": true}`,
    bytes: `${MARKS.bytes}${i}`,
    code: `${MARKS.code}${i}`,
    visitor: `${MARKS.visitor}${i}`,
  };
}

/** Rules of its tables; names as PostgreSQL or MySQL write them. */
export function shopRules(table: (name: string) => string) {
  return {
    version: 1,
    tables: {
      [table('customers')]: {
        id: 'hash',
        code: 'hash',
        email: 'email',
        first_name: { mask: 'name', part: 'first' },
        last_name: { mask: 'template', template: '{last}-{hash:6}' },
        phone: 'phone',
        card: 'digits',
        born: { mask: 'date-shift', days: 60 },
        seen_at: { mask: 'date-shift', days: 60 },
        income: { mask: 'noise', ratio: 0.2 },
        score: { mask: 'noise', ratio: 0.2 },
        notes: 'text',
        doc: {
          mask: 'json',
          paths: { '$.who': 'hash', '$.seen[*].by': 'name', '$.ok': 'keep' },
          rest: 'null',
        },
        raw: 'hash',
        token: 'uuid',
        country: 'keep',
        friend: 'follow',
      },
      [table('orders')]: {
        id: 'keep',
        customer: 'follow',
        by_code: 'follow',
        total: { mask: 'noise', ratio: 0.1 },
        status: 'keep',
      },
      [table('visits')]: {
        visitor: { mask: 'hash', length: 30 },
        address: 'ip',
        page: 'keep',
        secret: 'null',
      },
    },
  } as const;
}
