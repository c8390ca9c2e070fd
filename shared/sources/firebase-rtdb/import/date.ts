/** Members of metadata that may say when a backup was made, the likeliest first. */
const TIMES = [
  'timestamp',
  'createdAt',
  'created_at',
  'backupTime',
  'startedAt',
  'exportedAt',
  'date',
  'time',
];
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/;
/** `backup_daily_20240301_020000.json.gz`, `shop-2024-03-01T02-00-00.000Z.json`: in UTC. */
const IN_NAME =
  /(?<!\d)(\d{4})-?(\d{2})-?(\d{2})[T_ -]?(\d{2})[-_:.]?(\d{2})[-_:.]?(\d{2})(?:[.-]\d{1,3})?Z?(?!\d)/;
/** Seconds since 1970 have fewer digits than milliseconds, until the year 5138. */
const LEAST_MS = 1e11;

/** When a backup was made, and how that is known. */
export interface FoundDate {
  readonly at: Date;
  /** In words. */
  readonly from: string;
}

/** When a backup was made, by what its file says of itself; else by the file's name. */
export function dateOfFile(
  metadata: Readonly<Record<string, unknown>> | undefined,
  fileName: string,
): FoundDate | undefined {
  for (const member of TIMES) {
    const at = dateOf(metadata?.[member]);
    if (at) return { at, from: `metadata.${member} of the file` };
  }
  const found = IN_NAME.exec(fileName);
  if (!found) return undefined;
  const [, y, mo, d, h, mi, s] = found;
  const at = new Date(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  const isReal = !Number.isNaN(at.getTime()) && at.toISOString().startsWith(`${y}-${mo}-${d}T`);
  return isReal ? { at, from: 'the name of the file, read as UTC' } : undefined;
}

function dateOf(value: unknown): Date | undefined {
  if (typeof value === 'number' && value > 0) {
    const at = new Date(value < LEAST_MS ? value * 1000 : value);
    return Number.isNaN(at.getTime()) ? undefined : at;
  }
  if (typeof value !== 'string' || !ISO.test(value)) return undefined;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** The type that the original gave it: `daily`. */
export function typeOfFile(
  metadata: Readonly<Record<string, unknown>> | undefined,
  fileName: string,
): string | undefined {
  const said = metadata?.['type'] ?? metadata?.['backupType'] ?? /^backup_([a-z]+)_\d/.exec(fileName)?.[1];
  return typeof said === 'string' && /^[a-z][a-z0-9-]{0,31}$/.test(said) ? said : undefined;
}
