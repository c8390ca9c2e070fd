import * as z from 'zod';
import { readConfigFile } from '../../config/file.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { parseJsonPath } from './json-function.ts';

const because = z.string().optional();
const conditions = z.array(z.string().min(1)).min(1).optional();
/** What every function that changes values takes. */
const common = {
  /** Only values of rows for which all of these hold are masked; the others stay as they are. */
  when: conditions,
  /** Values of rows for which one of these holds stay as they are. */
  unless: conditions,
  /** For people: why. */
  because,
};
const by = z.string().min(1).optional();
const domain = z
  .string()
  .regex(/^[a-z0-9.-]+\.[a-z]{2,}$/)
  .optional();

const plain = {
  hash: z.strictObject({
    mask: z.literal('hash'),
    length: z.number().int().min(1).max(51).optional(),
    ...common,
  }),
  email: z.strictObject({ mask: z.literal('email'), domain, ...common }),
  name: z.strictObject({
    mask: z.literal('name'),
    part: z.enum(['first', 'last', 'full']).optional(),
    ...common,
  }),
  phone: z.strictObject({ mask: z.literal('phone'), ...common }),
  digits: z.strictObject({
    mask: z.literal('digits'),
    keep: z.number().int().min(0).max(12).optional(),
    ...common,
  }),
  uuid: z.strictObject({ mask: z.literal('uuid'), ...common }),
  text: z.strictObject({ mask: z.literal('text'), ...common }),
  ip: z.strictObject({ mask: z.literal('ip'), ...common }),
  template: z.strictObject({ mask: z.literal('template'), template: z.string(), ...common }),
  constant: z.strictObject({
    mask: z.literal('constant'),
    value: z.union([z.string(), z.number()]),
    ...common,
  }),
  noise: z.strictObject({
    mask: z.literal('noise'),
    ratio: z.number().min(0.001).max(1).optional(),
    by,
    ...common,
  }),
  'date-shift': z.strictObject({
    mask: z.literal('date-shift'),
    days: z.number().int().min(1).max(3650).optional(),
    by,
    ...common,
  }),
};

const Inner = z.discriminatedUnion('mask', [
  z.strictObject({ mask: z.literal('keep'), because }),
  z.strictObject({ mask: z.literal('null'), ...common }),
  ...Object.values(plain),
]);
/** Functions that a name alone can stand for. */
const SHORT = [
  'keep',
  'null',
  'follow',
  'hash',
  'email',
  'name',
  'phone',
  'digits',
  'uuid',
  'text',
  'ip',
  'noise',
  'date-shift',
] as const;

/** `'email'` is short for `{ mask: 'email' }`. */
function orShort<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((given) => (typeof given === 'string' ? { mask: given } : given), schema);
}

/** What becomes of values inside a JSON document. */
const JsonRule = z.strictObject({
  mask: z.literal('json'),
  paths: z.record(z.string(), orShort(Inner)),
  /** What becomes of values that no path leads to; there is no default, as it decides whether new ones pass. */
  rest: z.enum(['keep', 'null']),
  ...common,
});

const Rule = z.discriminatedUnion('mask', [
  z.strictObject({ mask: z.literal('follow'), because }),
  JsonRule,
  ...Inner.options,
]);

const Rules = z.strictObject({
  version: z.literal(1),
  /** By table, by column. */
  tables: z.record(z.string(), z.record(z.string(), orShort(Rule))),
  /** Conditions of the database that are known to hold for masked values, though nobody can tell before. */
  trustChecks: z.array(z.string()).optional(),
});

/** How a column is masked. */
export type MaskRule = Readonly<z.output<typeof Rule>>;
/** How a value inside a JSON document is masked. */
export type InnerRule = Readonly<z.output<typeof Inner>>;
/** What a rules file says. */
export type MaskRules = Readonly<z.output<typeof Rules>>;
type Short = (typeof SHORT)[number];
type JsonAsParsed = Extract<MaskRule, { readonly mask: 'json' }>;
/** How a column is masked, as a rules file has it. */
export type WrittenRule =
  | Short
  | Exclude<MaskRule, JsonAsParsed>
  | (Omit<JsonAsParsed, 'paths'> & {
      readonly paths: Readonly<Record<string, Exclude<Short, 'follow'> | InnerRule>>;
    });
/** The same as it is written, with short forms. */
export interface MaskRulesInput {
  readonly version: 1;
  readonly tables: Readonly<Record<string, Readonly<Record<string, WrittenRule>>>>;
  readonly trustChecks?: readonly string[] | undefined;
}

/** @throws E_CONFIG naming every problem */
export function parseMaskRules(given: unknown, name = 'the masking rules'): MaskRules {
  const parsed = Rules.safeParse(given);
  if (!parsed.success)
    throw new HoldfastError('E_CONFIG', `${name} cannot be used: ${z.prettifyError(parsed.error)}`, {
      hint: 'docs/guide/masked-copies.md lists every function and its options.',
    });
  for (const columns of Object.values(parsed.data.tables))
    for (const rule of Object.values(columns))
      if (rule.mask === 'json') for (const path of Object.keys(rule.paths)) parseJsonPath(path);
  return parsed.data;
}

/** From a file as configuration files are: `.ts` or `.js` with a default export, or `.json`. @throws E_CONFIG */
export async function readMaskRules(file: string): Promise<MaskRules> {
  const given = await readConfigFile(file).catch((error: unknown) => {
    if (!isHoldfastError(error)) throw error;
    throw new HoldfastError(error.code, error.message, {
      cause: error,
      hint: 'Give a file of rules: `holdfast mask suggest KEY --output rules.json` writes a first one.',
    });
  });
  return parseMaskRules(given, file);
}
