import type { ResolvedConfig } from '../../shared/config/config.ts';
import type { CopyPlace } from '../../shared/config/copy.ts';
import { backupName } from '../../shared/core/backup-words.ts';
import { ERRORS } from '../../shared/core/errors.ts';
import { parseBackupType } from '../../shared/core/ids.ts';
import type { CopyResult } from '../../shared/jobs/copy/copy.ts';
import { type CopyLag, readCopyLag } from '../../shared/jobs/copy/copy-lag.ts';
import { copyToPlace } from '../../shared/jobs/copy/copy-to-place.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { copyPlaces, namesOfSources } from '../copy-places.ts';
import { bytes, number, plural } from '../format.ts';
import { CommandSession } from '../session.ts';

const options = {
  to: { type: 'string' },
  type: { type: 'string', multiple: true },
  source: { type: 'string', short: 's', multiple: true },
  region: { type: 'string' },
  endpoint: { type: 'string' },
  profile: { type: 'string' },
  check: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', short: 'n', default: false },
} as const;

type NamedResult = CopyResult & { readonly name: string | undefined };

/** `holdfast copy`: copies backups to a second place. */
export const copy: Command = {
  options,
  help: `Usage: holdfast copy [NAME] [--check] [--dry-run]
       holdfast copy --to PLACE [--type TYPE]… [--source SOURCE]… [--check] [--dry-run]

Copies backups to a second place: another folder, bucket, region or account, which can restore them with the same key
and without this repository. Copies only what is missing, newest backups first, and what retention goes by (holds,
releases). Opens nothing, so it needs no key; checks everything it copies against its checksum; replaces and removes nothing
there. May run beside backups and prunes of both places, and be stopped at any point: just run it again. Without NAME and
--to, copies to every place in the configuration (\`copy\`).

      --to PLACE          folder, or s3://bucket/prefix: empty, or a copy of this repository
      --type TYPE         only backups of that type; may be given several times
  -s, --source SOURCE     only backups of that source, by its name; may be given several times
      --region REGION     region of that bucket
      --endpoint URL      endpoint of that store, if it is not AWS
      --profile PROFILE   profile in the AWS configuration files whose login may write there
      --check             also compare what was compared before, and copy again what is gone there
  -n, --dry-run           list the missing backups, change nothing

${COMMON_HELP}
Examples:
  holdfast copy --to s3://backups-elsewhere/shop --region eu-west-1
  holdfast copy --to /mnt/disk/shop --type weekly
  holdfast copy --quiet

Exit status: 0 everything chosen is there; 11 the place is another repository, or holds other things; 13 access refused;
20 a backup is damaged, here or there, and was passed over; 75 store unavailable, or a prune there interfered: run it again.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const { source: sources, type, to, region, endpoint, profile, check, ...common } = values;
    const given = { sources, type, to, region, endpoint, profile };
    await using session = await CommandSession.open(common, io);
    const places = placesOf(session.config, given, positionals[0]).map((place) =>
      copyPlaces.resolve(place, io),
    );
    const namesOf = await namesOfSources(session.config, io);
    if (values['dry-run'] === true) {
      const lags = [];
      for (const place of places)
        lags.push(await readCopyLag(session.repository, place, { namesOf, signal: io.signal }));
      await session.print({ copies: lags }, lags.map(describeLag).join(''));
      return 0;
    }
    const results: NamedResult[] = [];
    for (const place of places) {
      const work = { namesOf, isCheck: check === true, onProgress: session.progress.on, signal: io.signal };
      results.push({ name: place.name, ...(await copyToPlace(session.repository, place, work)) });
    }
    const status = Math.max(...results.map(statusOf));
    await session.report({ copies: results }, results.map(describe).join(''), status);
    return status;
  },
};

interface Given {
  readonly to: string | undefined;
  readonly type: readonly string[] | undefined;
  readonly sources: readonly string[] | undefined;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly profile: string | undefined;
}

function placesOf(config: ResolvedConfig, given: Given, name: string | undefined): readonly CopyPlace[] {
  const { to, ...others } = given;
  if (to === undefined) {
    const extra = Object.entries(others).find(([, value]) => value !== undefined);
    if (extra) throw usage('--type, --source, --region, --endpoint and --profile need --to');
    return copyPlaces.named(config, name);
  }
  if (name !== undefined) throw usage(`give '${name}' or --to, not both`);
  const { type: types, sources, region, endpoint, profile } = others;
  for (const one of types ?? []) parseBackupType(one);
  const s3 = {
    ...config.s3,
    region: region ?? config.s3.region,
    endpoint: endpoint ?? config.s3.endpoint,
    profile,
  };
  const { graceMs } = config.prune;
  return [{ name: undefined, to, s3, types, sources, policy: undefined, graceMs, storageClass: undefined }];
}

function statusOf({ passedOver }: CopyResult): number {
  if (passedOver.some(({ why }) => why === 'damaged')) return ERRORS.E_DAMAGED.exitStatus;
  return passedOver.some(({ why }) => why === 'waiting') ? ERRORS.E_RUN_TOO_LONG.exitStatus : 0;
}

function describe({ to, copied, present, passedOver, packs, bytes: stored, changes }: NamedResult): string {
  const lines = [
    `Copied ${plural(copied.length, 'backup')} to ${to}: ${plural(packs, 'pack')} of ${bytes(stored)}; ${number(present)} ${present === 1 ? 'was' : 'were'} there`,
    ...(changes.objects === 0
      ? []
      : [`  and ${plural(changes.objects, 'object')} of change segments, ${bytes(changes.bytes)}`]),
    ...passedOver.map(({ key, why, problem }) => `  ${backupName(key)} is ${why}: ${problem}`),
  ];
  return `${lines.join('\n')}\n`;
}

function describeLag({ to, wanted, missing, changes }: CopyLag): string {
  const lines = missing.toReversed().map((key) => `  ${backupName(key)}`);
  return [
    `${number(missing.length)} of ${plural(wanted, 'backup')} would be copied to ${to}`,
    ...lines,
    ...(changes.missing === 0 ? [] : [`and ${plural(changes.missing, 'change segment')}`]),
    '',
  ].join('\n');
}
