import type { Session } from '../connection/connection.ts';
import { isGrantedGlobally, readGrants } from '../connection/grants.ts';

const RIGHTS = ['SET USER', 'SET_USER_ID', 'SET_ANY_DEFINER'];

/** Whether objects can be made and used there that name these users as their definers. */
export interface DefinerCheck {
  /** What keeps them from it; undefined if nothing does. */
  readonly why?: string;
  /** They cannot even be made. */
  readonly isForbidden: boolean;
}

/**
 * @param definers as SHOW CREATE writes them
 * @param settings.made users that the restore makes before, written likewise
 */
export async function checkDefiners(
  session: Session,
  definers: readonly string[],
  { database, made = [] }: { readonly database: string; readonly made?: readonly string[] | undefined },
  signal: AbortSignal,
): Promise<DefinerCheck> {
  const [self] = await session.query<{ user: string }>('SELECT CURRENT_USER() AS user', signal);
  const others = definers.map(plain).filter((definer) => definer !== self?.user);
  if (others.length === 0) return { isForbidden: false };
  const grants = await readGrants(session, database, signal);
  if (!RIGHTS.some((right) => isGrantedGlobally(grants, right)))
    return { why: `the user may not make objects whose definer is ${others.join(', ')}`, isForbidden: true };
  const coming = new Set(made.map(plain));
  const known = await listUsers(session, signal);
  const unknown = known ? others.filter((definer) => !known.has(definer) && !coming.has(definer)) : [];
  if (unknown.length === 0) return { isForbidden: false };
  return { why: `the server has no users ${unknown.join(', ')}`, isForbidden: false };
}

/** Undefined if the user may not look. */
async function listUsers(session: Session, signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
  try {
    const rows = await session.query<{ name: string }>(
      "SELECT CONCAT(User, '@', Host) AS name FROM mysql.user",
      signal,
    );
    return new Set(rows.map(({ name }) => name));
  } catch (error) {
    if (!session.isOpen) throw error;
    return undefined;
  }
}

/** `` `admin`@`%` `` as `admin@%`. */
function plain(definer: string): string {
  return definer.replaceAll('``', '\0').replaceAll('`', '').replaceAll('\0', '`');
}
