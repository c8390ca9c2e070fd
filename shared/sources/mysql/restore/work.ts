import { HoldfastError } from '../../../core/errors.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { RestoreOptions } from '../../target.ts';
import type { Session } from '../connection/connection.ts';
import { isTableAttributes } from '../datasets/attributes.ts';
import { objectName, type SchemaObject } from '../schema/objects.ts';
import { readStoredSchema } from '../schema/stored.ts';
import { quoteName, quoteText } from '../text/identifiers.ts';
import { planUsers, type UsersWork } from '../users/restore-users.ts';
import { adaptObjects } from '../versions/adapt.ts';
import { findDifferences } from '../versions/differences.ts';
import { type Release, releaseOf } from '../versions/release.ts';
import { readTargetServer } from '../versions/target-server.ts';
import { chooseObjects } from './choice.ts';
import { describePresent, dropsOf, findConflicts } from './conflicts.ts';
import { checkDefiners } from './definers.ts';
import { type RoutineRights, readRoutineRights } from './routine-rights.ts';
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
  /** If they were asked for. */
  readonly users: UsersWork | undefined;
  /** Of routines that are dropped. */
  readonly rights: RoutineRights;
  /** What the target's server cannot take, one sentence each. */
  readonly refused: readonly string[];
}

/** Of MariaDB: 10.5. */
const FIRST_WITH_COMMENTS = 100_500;

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
  const server = await readTargetServer(session, chosen.objects, signal);
  const differences = findDifferences(chosen.objects, releaseOf(contents.server), server);
  const objects = adaptObjects(forDatabase(chosen.objects, place.name), server);
  const presence = await findConflicts(session, objects, signal);
  await checkHistory(
    session,
    chosen.datasets.some(({ attributes }) => isTableAttributes(attributes) && attributes.isVersioned),
    signal,
  );
  const users = options.special?.['users']
    ? await planUsers(session, contents, { server: server.release.title, database: place.name }, signal)
    : undefined;
  const rights = await readRoutineRights(
    session,
    place.name,
    options.replace ? presence.conflicts : [],
    signal,
  );
  const definers = options.noOwner ? [] : newDefiners(objects, options);
  const { why, isForbidden } = await checkDefiners(
    session,
    definers,
    { database: place.name, made: users?.made.map(({ account }) => account) },
    signal,
  );
  if (why !== undefined && isForbidden)
    throw new HoldfastError('E_MISSING_ROLES', `${why}; nothing was changed`, {
      hint: 'Pass --no-owner to make the user itself the definer, --definer to name another, or grant it SET USER (MySQL: SET_ANY_DEFINER).',
    });
  const database = stored.find(({ type }) => type === 'database');
  const isKnown = !database?.collation || server.knowsCollation(database.collation);
  return {
    objects,
    datasets: chosen.datasets,
    conflicts: presence.conflicts.map(describePresent),
    drops: dropsOf(presence.conflicts),
    losses: presence.losses.map(describePresent),
    users,
    rights,
    refused: differences.refused,
    databaseSql: chosen.isWhole && isKnown ? alterDatabase(database, place, server.release) : [],
    warnings: [
      ...differences.refused.map((message) => `cannot be restored there: ${message}`),
      ...differences.notices,
      ...(isKnown
        ? []
        : [
            `the database keeps its character set and collation: the server does not know ${database?.collation}`,
          ]),
      ...(users?.warnings ?? []),
      ...(rights.isHidden
        ? ['rights that were granted on routines which are dropped go with them: this user may not see any']
        : []),
      ...presence.losses.map(
        (object) => `also dropped, although not in the backup: ${describePresent(object)}`,
      ),
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

function alterDatabase(
  wanted: SchemaObject | undefined,
  place: { readonly name: string; readonly charset: string; readonly collation: string },
  { product, number }: Release,
): readonly string[] {
  const { charset, collation, comment } = wanted ?? {};
  const takesComments = product === 'mariadb' && number >= FIRST_WITH_COMMENTS;
  const changes = [
    ...(charset && collation && collation !== place.collation
      ? [`CHARACTER SET ${charset} COLLATE ${collation}`]
      : []),
    ...(comment !== undefined && takesComments ? [`COMMENT = ${quoteText(comment)}`] : []),
  ];
  return changes.length === 0 ? [] : [`ALTER DATABASE ${quoteName(place.name)} ${changes.join(' ')}`];
}
