import { constantProblem } from './constant-problem.ts';
import { dateShift } from './date-functions.ts';
import { jsonFunction, parseJsonPath } from './json-function.ts';
import type { MaskFunction } from './mask-function.ts';
import { noise } from './number-functions.ts';
import type { InnerRule, MaskRule } from './rules.ts';
import { digits, email, hash, ip, name, phone, template, text, uuid } from './text-functions.ts';

const EVERY = [
  'text',
  'integer',
  'decimal',
  'float',
  'date',
  'uuid',
  'json',
  'bytes',
  'ip',
  'other',
] as const;

/** Rules that change values. */
export type ChangingRule = Exclude<MaskRule, { readonly mask: 'keep' | 'follow' }>;

/** What a rule says, as a function. @throws E_USAGE for a path that is none */
export function functionOf(rule: ChangingRule): MaskFunction {
  switch (rule.mask) {
    case 'null':
      return nothing();
    case 'constant':
      return constant(String(rule.value));
    case 'json':
      return jsonFunction(
        Object.entries(rule.paths).map(([path, inner]) => ({
          steps: parseJsonPath(path),
          function: innerOf(inner),
        })),
        rule.rest,
      );
    default:
      return changing(rule);
  }
}

function changing(
  rule: Exclude<ChangingRule, { readonly mask: 'null' | 'constant' | 'json' }>,
): MaskFunction {
  switch (rule.mask) {
    case 'hash':
      return hash({ length: undefined, ...rule });
    case 'email':
      return email({ domain: undefined, ...rule });
    case 'name':
      return name({ part: undefined, ...rule });
    case 'phone':
      return phone();
    case 'digits':
      return digits({ keep: undefined, ...rule });
    case 'uuid':
      return uuid();
    case 'text':
      return text();
    case 'ip':
      return ip();
    case 'template':
      return template(rule);
    case 'noise':
      return noise({ ...rule });
    case 'date-shift':
      return dateShift({ ...rule });
  }
}

function innerOf(rule: InnerRule | MaskRule): MaskFunction | 'keep' | 'null' {
  if (rule.mask === 'keep' || rule.mask === 'follow') return 'keep';
  return rule.mask === 'null' ? 'null' : functionOf(rule);
}

function nothing(): MaskFunction {
  return {
    kinds: EVERY,
    isByValue: true,
    isDistinct: () => false,
    problem: ({ isNullable }) => (isNullable ? undefined : 'is NOT NULL'),
    make: () => () => null,
  };
}

function constant(value: string): MaskFunction {
  return {
    kinds: EVERY,
    isByValue: true,
    isDistinct: () => false,
    problem: (column) => constantProblem(value, column),
    make: () => () => value,
  };
}
