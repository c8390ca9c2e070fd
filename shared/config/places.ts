import * as z from 'zod';
import type { SourcePlugin } from '../sources/plugin.ts';
import { KINDS, type PLUGINS } from '../sources/registry.ts';
import { type KindSettings, LOGIN_SETTINGS } from '../sources/settings.ts';
import { ageOf, isAge } from './age.ts';
import { ContinuousConfig, resolveContinuous } from './continuous.ts';
import type { NamedSource } from './named-source.ts';

/** For sources only. */
const ofSource = {
  /** Maximum age of its newest good backup: its recovery point objective. */
  rpo: z
    .string()
    .refine((text) => isAge(text) && ageOf(text) > 0, "give an age such as '90m', '26h' or '8d'")
    .optional(),
  /**
   * Masking rules: people who may not see its rows as they are see them masked. A file; on AWS the ARN of a secret or parameter that
   * holds `{"secret": "…", "rules": …}`.
   */
  mask: z.string().min(1).optional(),
  /** Its changes are stored too, so that every moment can be restored. */
  continuous: ContinuousConfig.optional(),
};

/** What people write of a place of each kind, and what it is once it is read. */
type Input<Shape> = z.input<z.ZodObject<Shape extends z.ZodRawShape ? Shape : never>>;
type Output<Shape> = z.output<z.ZodObject<Shape extends z.ZodRawShape ? Shape : never>>;
type OfKind<P> =
  P extends SourcePlugin<infer Kind, infer Shape, infer DrillShape>
    ? {
        readonly kind: Kind;
        readonly input: { kind: Kind } & Input<Shape & typeof ofSource>;
        readonly output: { kind: Kind } & Output<Shape & typeof ofSource>;
        readonly drillInput: Input<DrillShape>;
        readonly drillOutput: Output<DrillShape>;
      }
    : never;
type Known = OfKind<(typeof PLUGINS)[number]>;

function objectOf<Shape extends z.ZodRawShape>(shape: Shape, check: KindSettings['check']) {
  const object = z.strictObject(shape);
  return check ? object.superRefine(check) : object;
}

const [first, ...others] = KINDS.map(({ kind, settings: { shape, check } }) =>
  objectOf({ kind: z.literal(kind), ...shape, ...ofSource }, check),
);

/** Databases to back up, by name. */
export const Sources = z.record(
  z
    .string()
    .regex(/^[a-z][a-z0-9_-]*$/i, "a source's name has letters, digits, - and _, beginning with a letter"),
  z.discriminatedUnion('kind', [first as NonNullable<typeof first>, ...others]) as unknown as z.ZodType<
    Known['output'],
    Known['input']
  >,
);

/** Databases that restores may write to, by name. */
export const Targets = Sources.superRefine((targets, context) => {
  for (const [name, target] of Object.entries(targets))
    for (const setting of ['rpo', 'continuous', 'mask'] as const)
      if (target[setting] !== undefined)
        context.addIssue({
          code: 'custom',
          path: [name, setting],
          message: `${setting} is for sources: a target is not backed up`,
        });
});

/** Where drills make their scratch targets, by kind of source. */
export const DrillConfig = z.strictObject(
  Object.fromEntries(
    KINDS.map(({ kind, settings, drillSettings = settings }) => [
      kind,
      objectOf(drillSettings.shape, drillSettings.check).optional(),
    ]),
  ),
) as unknown as z.ZodType<
  { [One in Known as One['kind']]?: One['drillOutput'] | undefined },
  { [One in Known as One['kind']]?: One['drillInput'] | undefined }
>;

/** Sources or targets with their names. */
export function namedPlaces(places: z.infer<typeof Sources> = {}): readonly NamedSource[] {
  return Object.entries(places).map(([name, { rpo, continuous, mask, ...place }]) => ({
    name,
    kind: place.kind,
    ...placeOf(place),
    ...(rpo === undefined ? {} : { rpoMs: ageOf(rpo) }),
    ...(mask === undefined ? {} : { mask }),
    ...(continuous === undefined ? {} : { continuous: resolveContinuous(continuous) }),
  }));
}

/** Where a database is and how to log in, without its name. */
export type PlaceSettings = Omit<NamedSource, 'name' | 'kind'>;
type DrillPlaces = Readonly<Partial<Record<string, PlaceSettings>>>;

/** Servers of drills, by kind of source. */
export function drillPlaces(servers: z.infer<typeof DrillConfig> = {}): DrillPlaces {
  const places = Object.entries(servers).flatMap(([kind, server]) =>
    server ? [[kind, placeOf(server)] as const] : [],
  );
  return Object.fromEntries(places);
}

function placeOf(place: Readonly<Record<string, unknown>>): PlaceSettings {
  const { kind: _, url = '', ...given } = place as Record<string, string>;
  const isLogin = (name: string) => LOGIN_SETTINGS.includes(name);
  const ofLogin = (wanted: boolean) =>
    Object.fromEntries(
      Object.entries(given).filter(([name, value]) => value !== undefined && isLogin(name) === wanted),
    );
  return { url, ...ofLogin(true), options: ofLogin(false) };
}

/** Settings of a place of any kind. */
export const PLACE_SETTINGS: readonly string[] = [
  ...new Set(KINDS.flatMap(({ settings: { shape } }) => Object.keys(shape))),
];

/** Settings of a place whose values no message shows. */
export const HIDDEN_SETTINGS: readonly string[] = [
  'url',
  'secret',
  ...KINDS.flatMap(({ settings: { hidden = [] } }) => hidden),
];
