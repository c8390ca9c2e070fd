import { HoldfastError } from '../../../core/errors.ts';
import { decodeText } from '../../byte-text.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { RestoreOptions } from '../../target.ts';
import type { Session } from '../connection/connection.ts';
import { isTableAttributes, SCHEMA } from '../datasets/attributes.ts';
import { objectName, parseSchema, type SchemaObject } from '../schema/objects.ts';
import { quoteName } from '../text/identifiers.ts';
import { chooseObjects } from './choice.ts';
import { describePresent, dropsOf, findConflicts } from './conflicts.ts';
import { checkDefiners } from './definers.ts';
import { checkHistory, definersOf, forDatabase, quotedUser } from './schema.ts';

/** What a restore is made of; the plan that people see is drawn from it. */
export interface RestoreWork {
  readonly objects: readonly SchemaObject[];
  readonly datasets: readonly StoredDataset[];
  /** As the target names them. */
  readonly conflicts: readonly string[];
  readonly drops: readonly string[];
  readonly losses: readonly string[];
  /** What gives the database itself the character set and collation of the backup. */
  readonly databaseSql: readonly string[];
  readonly warnings: readonly string[];
}

/** Reads the backup's schema and looks at the target; writes nothing. @throws E_SOURCE_*, E_NO_DATASET, E_MISSING_ROLES */
export async function prepareRestore(
  session: Session,
  contents: BackupContents,
  options: RestoreOptions,
  signal: AbortSignal,
): Promise<RestoreWork> {
  const [place] = await session.query<{ name: string; charset: string; collation: string }>(
    'SELECT DATABASE() AS name, @@character_set_database AS charset, @@collation_database AS collation',
    signal,
  );
  if (!place?.name)
    throw new HoldfastError('E_CONFIG', 'the connection string names no database', {
      hint: 'Write mysql://user@host/database.',
    });
  const stored = await readStoredSchema(contents, signal);
  const chosen = chooseObjects(contents.datasets, stored, options.datasets);
  const objects = forDatabase(chosen.objects, place.name);
  const presence = await findConflicts(session, objects, signal);
  await checkHistory(
    session,
    chosen.datasets.some(({ attributes }) => isTableAttributes(attributes) && attributes.isVersioned),
    signal,
  );
  const definers = options.noOwner ? [] : newDefiners(objects, options);
  const { why, isForbidden } = await checkDefiners(session, definers, place.name, signal);
  if (why !== undefined && isForbidden)
    throw new HoldfastError('E_MISSING_ROLES', `${why}; nothing was changed`, {
      hint: 'Pass --no-owner to make the user itself the definer, --definer to name another, or grant it SET USER (MySQL: SET_ANY_DEFINER).',
    });
  const database = stored.find(({ type }) => type === 'database');
  return {
    objects,
    datasets: chosen.datasets,
    conflicts: presence.conflicts.map(describePresent),
    drops: dropsOf(presence.conflicts),
    losses: presence.losses.map(describePresent),
    databaseSql: chosen.isWhole ? alterDatabase(database, place) : [],
    warnings: [
      ...presence.losses.map((object) => `also dropped, and not in the backup: ${describePresent(object)}`),
      ...objects
        .filter(({ broken }) => broken !== undefined)
        .map(
          (object) => `${objectName(object)} is left out: the source could not open it (${object.broken})`,
        ),
      ...(why === undefined
        ? []
        : [`${why}: what is theirs fails when it is used, until these are created or --no-owner is passed`]),
    ],
  };
}

/** Who becomes the definer instead of those of the backup; undefined if they stay. */
export function definerOf({ special }: RestoreOptions): string | undefined {
  const definer = special?.['definer'];
  return typeof definer === 'string' ? definer : undefined;
}

function newDefiners(objects: readonly SchemaObject[], options: RestoreOptions): readonly string[] {
  const named = definersOf(objects);
  const definer = definerOf(options);
  return definer === undefined || named.length === 0 ? named : [quotedUser(definer)];
}

/** The schema that a backup holds. @throws E_DAMAGED */
export async function readStoredSchema(
  contents: BackupContents,
  signal: AbortSignal,
): Promise<readonly SchemaObject[]> {
  const blocks: Buffer[] = [];
  for (const dataset of contents.datasets.filter(({ name, kind }) => name === SCHEMA && kind === 'schema'))
    for (const partition of dataset.partitions)
      for await (const block of contents.read(dataset, partition, signal)) blocks.push(Buffer.from(block));
  return parseSchema(decodeText(Buffer.concat(blocks)));
}

function alterDatabase(
  wanted: SchemaObject | undefined,
  place: { readonly name: string; readonly charset: string; readonly collation: string },
): readonly string[] {
  if (!wanted?.charset || !wanted.collation || wanted.collation === place.collation) return [];
  return [
    `ALTER DATABASE ${quoteName(place.name)} CHARACTER SET ${wanted.charset} COLLATE ${wanted.collation}`,
  ];
}
