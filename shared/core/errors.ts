/** Facts for the log line: keys, sizes, counts. Never a secret, never row data. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

/** What else an error says. */
export interface HoldfastErrorOptions {
  readonly cause?: unknown;
  readonly details?: ErrorDetails;
  /** What the reader should do next: one imperative sentence. */
  readonly hint?: string;
}

/**
 * Every error this project throws on purpose.
 *
 * Callers branch on `code` and `retryable`, never on `message`. Anything caught that is not a
 * `HoldfastError` is a bug or an outage that is not classified yet, and is reported as `E_INTERNAL`.
 */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  /** Stable across releases. Listed in docs/reference/errors.md, one line each. */
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: HoldfastErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.hint = options.hint;
  }

  /** The same error, naming the object it is about; itself if it names it already. */
  about(object: string): HoldfastError {
    if (this.message.includes(object)) return this;
    const { code, details, hint } = this;
    return new HoldfastError(code, `${object}: ${this.message}`, {
      cause: this,
      details,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  /** Whether the same call can succeed later. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** Adds the name of the object to any typed error that `work` throws. */
export async function about<T>(object: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isHoldfastError(error) ? error.about(object) : error;
  }
}

/** The same for synchronous work. */
export function named<T>(object: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isHoldfastError(error) ? error.about(object) : error;
  }
}

/** Whether it is an error of ours, and of that code if one is given. */
export function isHoldfastError(error: unknown, code?: ErrorCode): error is HoldfastError {
  return error instanceof HoldfastError && (code === undefined || error.code === code);
}

interface ErrorRow {
  /**
   * The CLI's exit status. Classes: 1 bug or other, 2 usage, 10 not there, 11 conflict, 12 key, 13 access, 20
   * damage, 30 source or target, 31 restored in part, 75 try again, 130 stopped.
   */
  readonly exitStatus: number;
  readonly retryable: boolean;
  /** One line for docs/reference/errors.md. */
  readonly meaning: string;
}

const row = (exitStatus: number, meaning: string, retryable = false): ErrorRow => ({
  exitStatus,
  retryable,
  meaning,
});

/** The whole table: codes, exit statuses, meanings. A test checks docs/reference/errors.md against it. */
export const ERRORS = {
  E_INTERNAL: row(1, 'A bug, or a failure nobody has classified yet.'),
  E_USAGE: row(2, 'The command line is wrong.'),
  E_CONFIG: row(2, 'The configuration is wrong; every problem is listed.'),
  E_NO_REPOSITORY: row(10, 'There is no repository at that place.'),
  E_NO_BACKUP: row(10, 'No backup matches the name.'),
  E_UNKNOWN_NAME: row(10, 'There is no source or target of that name.'),
  E_NO_DATASET: row(10, 'The backup has no such dataset.'),
  E_OBJECT_NOT_FOUND: row(10, 'The store has no object under that key.'),
  E_AMBIGUOUS_KEY: row(11, 'The name matches several backups.'),
  E_REPOSITORY_EXISTS: row(11, 'There is a repository at that place already.'),
  E_UNSAFE_BUCKET: row(11, 'A rule of the bucket removes or archives what backups need.'),
  E_FOREIGN_REPOSITORY: row(11, 'The place holds something that is not a Holdfast repository.'),
  E_NEWER_FORMAT: row(11, 'A newer release wrote this; this one cannot read it.'),
  E_OBJECT_UNREADABLE: row(
    20,
    'The store has the object and cannot read it: a bad disk, permissions, a broken link.',
  ),
  E_OBJECT_EXISTS: row(11, 'The store has an object under that key already; it was left as it was.'),
  E_NO_RUN: row(10, 'Nothing is planned under that run.'),
  E_RUN_TAKEN: row(11, 'The run is planned already, and its snapshot is kept open elsewhere.'),
  E_RUN_ABORTED: row(11, 'The run was given up; its backup is not listed.'),
  E_RUN_INCOMPLETE: row(11, 'Shares of the run are missing; its backup is not listed.'),
  E_NO_API_KEY: row(10, 'There is no API key of that id.'),
  E_NO_HOLD: row(10, 'The backup is not held.'),
  E_PRUNE_TOO_MUCH: row(11, 'Prune would remove more than the set share in one run; nothing was removed.'),
  E_MASK_RULES: row(
    11,
    'The masking rules leave out columns, or would break a key or a condition; nothing was written.',
  ),
  E_TARGET_NOT_EMPTY: row(11, 'The restore target already has some of the objects.'),
  E_ROWS_REFUSED: row(
    11,
    'Rows cannot be put back: rows that differ, keys or constraints of the target are in the way; nothing was changed.',
  ),
  E_TARGET_FULL: row(30, 'There is no room left where a restore or an export writes.'),
  E_NO_KEY: row(12, 'No encryption key is configured.'),
  E_BAD_KEY: row(12, 'The configured key has the wrong form.'),
  E_WRONG_KEY: row(12, 'The configured key is not the one that sealed this.'),
  E_KEY_DENIED: row(13, 'The key service refused to use the key.'),
  E_STORE_DENIED: row(13, 'The store refused access.'),
  E_STORE_UNTRUSTED: row(13, 'The store could not prove who it is (TLS).'),
  E_STORE_FULL: row(13, 'The store has no room left.'),
  E_CLOCK_SKEW: row(13, 'This machine’s clock differs too much from the store’s.'),
  E_RANGE: row(20, 'A read ran past the end of a stored object.'),
  E_DAMAGED: row(20, 'A stored object is not what was written.'),
  E_VERIFY_FAILED: row(20, 'Verification found damage.'),
  E_MISSING_ROLES: row(30, 'The restore target lacks roles that the backup names.'),
  E_RESTORE_INCOMPLETE: row(31, 'Some objects could not be restored; all others were, and were compared.'),
  E_RESTORE_DIFFERS: row(20, 'What was restored differs from the backup.'),
  E_SOURCE_UNREACHABLE: row(30, 'The database cannot be reached.', true),
  E_SOURCE_REFUSED: row(30, 'The database refused the login.'),
  E_SOURCE_UNTRUSTED: row(30, 'The database server could not prove who it is (TLS).'),
  E_SOURCE_DENIED: row(30, 'The database refused to read or write an object.'),
  E_SOURCE_CHANGED: row(30, 'An object of the database was changed or dropped while it was read.'),
  E_SOURCE_UNSUPPORTED: row(30, 'The database is of a kind or version that cannot be backed up or restored.'),
  E_SOURCE_LOST: row(30, 'The connection to the database broke.', true),
  E_SNAPSHOT_EXPIRED: row(
    30,
    'The snapshot could not be kept open until all shares were read; no backup was listed.',
  ),
  E_SOURCE_FAILED: row(30, 'The database answered with an error.'),
  E_EMPTY_READ: row(
    30,
    'The database returned nothing at all. That is stored as a backup only with --allow-empty.',
  ),
  E_IMPORT_REFUSED: row(
    30,
    'The file to import is damaged, cut off, of another kind, or holds values that no database can; nothing was stored.',
  ),
  E_CHANGES_NOT_SET_UP: row(30, 'The database is not set up for continuous backup.'),
  E_CHANGES_UNSAFE: row(
    11,
    'Setting up continuous backup would endanger the database or its application; nothing was changed.',
  ),
  E_CHANGES_GAP: row(
    30,
    'The database no longer has changes that are not stored yet: moments in between are lost, and a new backup is due.',
  ),
  E_CHANGES_BUSY: row(75, 'Another process reads the changes of this database now.', true),
  E_NO_MOMENT: row(10, 'No backup and stored changes reach that moment.'),
  E_KEY_UNAVAILABLE: row(75, 'The key service cannot be reached or answers with errors.', true),
  E_STORE_UNAVAILABLE: row(75, 'The store cannot be reached or answers with errors.', true),
  E_RUN_TOO_LONG: row(
    75,
    "The run took too long compared with prune's grace; nothing unsafe was done.",
    true,
  ),
  E_TIME_STAMP: row(75, 'A time-stamping authority gave no time stamp.', true),
  E_NOTIFY: row(75, 'A notification channel could not be reached.', true),
  E_OUT_OF_TIME: row(75, 'The function or task ran out of time before the work was done.'),
  E_BAD_REQUEST: row(2, 'A request to the admin API is wrong; every bad field is named.'),
  E_NO_ROUTE: row(10, 'The admin API has no such route.'),
  E_UNKNOWN_RUN: row(10, 'The admin API knows no such run.'),
  E_NOT_CONFIRMED: row(
    11,
    'A restore by the admin API lacks the token of its plan, or the plan has changed; or something speaks against a moment, and nobody has said that it is wanted all the same.',
  ),
  E_DEPLOYMENT: row(13, 'A deployment on AWS was not found, cannot be inspected, or lacks a part.'),
  E_UNAUTHENTICATED: row(13, 'The request to the admin API is not authenticated.'),
  E_FORBIDDEN: row(13, 'The role of the caller does not allow that.'),
  E_LOGIN_UNAVAILABLE: row(75, 'The issuer of logins to the admin API cannot be reached.', true),
  E_RATE_LIMIT: row(75, 'Too many requests to the admin API; the response says when to try again.', true),
  E_BUSY: row(75, 'As many runs are in progress as are allowed at once.', true),
  E_DECLINED: row(130, 'The answer to a question was No. Nothing was changed.'),
  E_ABORTED: row(130, 'Stopped on request. Nothing was listed.'),
} as const satisfies Record<string, ErrorRow>;

/** What an error is told apart by; docs/reference/errors.md. Texts may change, codes do not. */
export type ErrorCode = keyof typeof ERRORS;

/** Errors whose cause `holdfast doctor` can find. */
const DIAGNOSED: readonly ErrorCode[] = [
  'E_NO_REPOSITORY',
  'E_UNSAFE_BUCKET',
  'E_NO_KEY',
  'E_BAD_KEY',
  'E_WRONG_KEY',
  'E_KEY_DENIED',
  'E_KEY_UNAVAILABLE',
  'E_STORE_DENIED',
  'E_STORE_UNTRUSTED',
  'E_STORE_UNAVAILABLE',
  'E_CLOCK_SKEW',
  'E_SOURCE_UNREACHABLE',
  'E_SOURCE_REFUSED',
  'E_SOURCE_UNTRUSTED',
  'E_SOURCE_DENIED',
  'E_SOURCE_UNSUPPORTED',
];

/**
 * A hint, and the command that can say more.
 *
 * @param where of an error in a deployment, whose doctor is asked from outside
 */
export function hintOf(
  code: ErrorCode,
  hint: string | undefined,
  where: 'here' | 'deployed' = 'here',
): string | undefined {
  if (!DIAGNOSED.includes(code)) return hint;
  const doctor = `To find the cause, run: holdfast doctor${where === 'deployed' ? ' --deployed STACK' : ''}`;
  return hint === undefined ? doctor : `${hint} ${doctor}`;
}

/**
 * The CLI's exit status if backups are suspect: not an error, as they are stored, but somebody must look at
 * them.
 */
export const SUSPECT_EXIT_STATUS = 40;

/**
 * Exit status of `holdfast doctor` with warnings but no failure, and of `holdfast status` if a source is at
 * risk.
 */
export const WARNINGS_EXIT_STATUS = 41;

/** Exit status of `holdfast status` if a source is unprotected. */
export const UNPROTECTED_EXIT_STATUS = 42;
