import type { ValueKind } from '../../sources/table-facts.ts';
import type { Hint } from './name-hints.ts';

/** Values of a column that are looked at, at most. */
const MOST_VALUES = 1000;
/** The share of the values that must look like something. */
const LEAST_SHARE = 0.2;
/** Texts with this many words on average are prose. */
const PROSE_WORDS = 5;

const ALL: readonly ValueKind[] = ['text', 'integer', 'ip', 'json'];

interface Detector extends Hint {
  fits(value: string): boolean;
  /** One such value is enough. */
  readonly isRare?: boolean;
}

const DETECTORS: readonly Detector[] = [
  {
    what: 'e-mail addresses',
    rule: { mask: 'email' },
    kinds: ALL,
    isRare: true,
    fits: (value) => /[\w.+-]+@[\w-]+\.[A-Za-z]{2,}/.test(value),
  },
  { what: 'IBANs', rule: { mask: 'digits' }, kinds: ALL, isRare: true, fits: isIban },
  { what: 'payment cards', rule: { mask: 'digits' }, kinds: ALL, fits: isCard },
  { what: 'IP addresses', rule: { mask: 'ip' }, kinds: ALL, fits: isIp },
  {
    what: 'telephone numbers',
    rule: { mask: 'phone' },
    kinds: ['text'],
    fits: (value) =>
      /^(?:\+|00|\(?0)[\d ()./-]{7,20}$/.test(value.trim()) && value.replaceAll(/\D/g, '').length >= 7,
  },
  {
    what: 'addresses',
    rule: { mask: 'template', template: '{digits:2} Example Street' },
    kinds: ['text'],
    fits: (value) =>
      /\b(street|st\.|road|rd\.|avenue|ave\.|lane|drive|stra(ß|ss)e|str\.|weg|platz|gasse|rue|boulevard|calle|avenida|via|piazza|rua|straat|laan|ulica|gatan)(?!\p{L})/iu.test(
        value,
      ) && /\d/.test(value),
  },
];

/** What the values of a column look like. */
export class ContentLook {
  readonly #kind: ValueKind;
  readonly #counts = DETECTORS.map(() => 0);
  #values = 0;
  #words = 0;

  constructor(kind: ValueKind) {
    this.#kind = kind;
  }

  get isFull(): boolean {
    return this.#values >= MOST_VALUES;
  }

  add(value: string): void {
    if (this.isFull || value === '') return;
    this.#values++;
    this.#words += value.split(/\s+/).length;
    for (const [i, { fits, kinds }] of DETECTORS.entries())
      if (kinds.includes(this.#kind) && fits(value)) this.#counts[i] = (this.#counts[i] ?? 0) + 1;
  }

  /** How many values were looked at. */
  get values(): number {
    return this.#values;
  }

  /** What they are, and how many of them; undefined if they look like nothing personal. */
  found(): { readonly hint: Hint; readonly count: number } | undefined {
    const isProse = this.#kind === 'text' && this.#words / Math.max(this.#values, 1) >= PROSE_WORDS;
    for (const [i, detector] of DETECTORS.entries()) {
      const count = this.#counts[i] ?? 0;
      const isEnough = count / Math.max(this.#values, 1) >= LEAST_SHARE;
      if (count === 0 || !(isEnough || detector.isRare)) continue;
      const rule = isEnough && !isProse ? detector.rule : ({ mask: 'text' } as const);
      return { hint: { ...detector, rule }, count };
    }
    if (!isProse) return undefined;
    return { hint: { what: 'free text', rule: { mask: 'text' }, kinds: ['text'] }, count: this.#values };
  }
}

/** ISO 13616: letters count from 10 on, and what remains of a division by 97 is 1. */
function isIban(value: string): boolean {
  const text = value.replaceAll(' ', '').toUpperCase();
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) return false;
  const moved = text.slice(4) + text.slice(0, 4);
  const digits = [...moved].map((letter) => Number.parseInt(letter, 36)).join('');
  return BigInt(digits) % 97n === 1n;
}

/** 13 to 19 digits with the check digit of Luhn. */
function isCard(value: string): boolean {
  const digits = value.replaceAll(/[ -]/g, '');
  if (!/^[2-6]\d{12,18}$/.test(digits)) return false;
  const sum = [...digits].toReversed().reduce((total, letter, i) => {
    const digit = Number(letter) * (i % 2 === 1 ? 2 : 1);
    return total + (digit > 9 ? digit - 9 : digit);
  }, 0);
  return sum % 10 === 0;
}

function isIp(value: string): boolean {
  const [address = ''] = value.split('/');
  const parts = address.split('.');
  if (parts.length === 4) return parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
  return /^[0-9a-f:]{4,39}$/i.test(address) && (address.match(/:/g)?.length ?? 0) >= 4;
}
