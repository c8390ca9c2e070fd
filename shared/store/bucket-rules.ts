import type { LifecycleRule } from '@aws-sdk/client-s3';
import { plural } from '../core/plural.ts';

/** Everything in a repository that must stay. `exports/` may go, and so may `runs/` once no run needs it. */
const NEEDED = ['repository.json', 'repository-2.json', 'backups/', 'data/', 'keys/', 'reports/', 'expired/'];
const RUNS = 'runs/';
const LEAST_RUN_DAYS = 2;
/** A single put cannot store more, so larger objects do not belong to a repository. */
const MOST_OBJECT_BYTES = 5 * 2 ** 30;
/** Objects of these classes must be thawed, for hours, before they can be read. */
const ARCHIVES = ['GLACIER', 'DEEP_ARCHIVE'];
const ONE_ZONE = 'ONEZONE_IA';

/** A rule of a bucket that destroys backups, or makes them unreadable or less safe. */
export interface BucketDanger {
  /** The rule's name. */
  readonly rule: string;
  readonly effect: 'expires' | 'archives' | 'one-zone';
  /** What it does, and to which objects. */
  readonly problem: string;
}

/**
 * What a bucket's lifecycle rules would do to a repository in it. Rules that only touch deleted versions,
 * unfinished uploads or tagged objects do it no harm: no object of a repository has tags.
 *
 * @param prefix of the repository, without a slash at its end
 */
export function dangersOf(rules: readonly LifecycleRule[], prefix: string): readonly BucketDanger[] {
  return rules.flatMap((rule) => {
    if (rule.Status !== 'Enabled' || !matchesUntagged(rule)) return [];
    const place = prefixOf(rule);
    return [...expiry(rule, place, prefix), ...transitions(rule, place, prefix)];
  });
}

function* expiry(rule: LifecycleRule, place: string, prefix: string): Generator<BucketDanger> {
  const { Days, Date: at } = rule.Expiration ?? {};
  if (Days === undefined && at === undefined) return;
  const isTooSoon = Days === undefined || Days < LEAST_RUN_DAYS;
  if (!touches(place, prefix, isTooSoon ? [...NEEDED, RUNS] : NEEDED)) return;
  const when = Days === undefined ? `on ${at?.toISOString().slice(0, 10)}` : `after ${plural(Days, 'day')}`;
  yield {
    rule: nameOf(rule),
    effect: 'expires',
    problem: `rule ${nameOf(rule)} removes ${what(place)} ${when}, whether or not Holdfast needs it`,
  };
}

function* transitions(rule: LifecycleRule, place: string, prefix: string): Generator<BucketDanger> {
  if (!touches(place, prefix, NEEDED)) return;
  for (const { StorageClass: to = '' } of rule.Transitions ?? []) {
    if (ARCHIVES.includes(to))
      yield {
        rule: nameOf(rule),
        effect: 'archives',
        problem: `rule ${nameOf(rule)} moves ${what(place)} to ${to}, which no restore can read`,
      };
    if (to === ONE_ZONE)
      yield {
        rule: nameOf(rule),
        effect: 'one-zone',
        problem: `rule ${nameOf(rule)} moves ${what(place)} to ${to}, which is lost with its zone`,
      };
  }
}

/** Older rules have their prefix outside the filter. */
function prefixOf({ Filter, Prefix }: LifecycleRule): string {
  return Filter?.And?.Prefix ?? Filter?.Prefix ?? Prefix ?? '';
}

function matchesUntagged({ Filter }: LifecycleRule): boolean {
  const least = Filter?.And?.ObjectSizeGreaterThan ?? Filter?.ObjectSizeGreaterThan ?? 0;
  const hasTags = Filter?.Tag !== undefined || (Filter?.And?.Tags ?? []).length > 0;
  return !hasTags && least < MOST_OBJECT_BYTES;
}

function touches(place: string, prefix: string, parts: readonly string[]): boolean {
  return parts.some((part) => {
    const own = prefix === '' ? part : `${prefix}/${part}`;
    return own.startsWith(place) || (part.endsWith('/') && place.startsWith(own));
  });
}

function nameOf({ ID }: LifecycleRule): string {
  return ID ? ID : 'without a name';
}

function what(place: string): string {
  return place === '' ? 'everything' : `what is below ${place}`;
}
