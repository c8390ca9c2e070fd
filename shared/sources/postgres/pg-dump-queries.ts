const QUERY = 0x51;

/**
 * Servers of the minor releases of late 2026 (15.20 and its siblings) keep a number of their own among a
 * column's options, `pg_attver`. Their pg_dump leaves it out; an older pg_dump would write it into the
 * schema as an option to set, which other servers refuse. So that pg_dump never sees it, its query is
 * completed on the way to the server.
 */
const COLUMN_OPTIONS = "array_to_string(a.attoptions, ', ')";
const SETTABLE_COLUMN_OPTIONS =
  "array_to_string(ARRAY(SELECT o FROM pg_catalog.unnest(a.attoptions) AS o WHERE o NOT LIKE 'pg\\_attver=%'), ', ')";

/** @param message one whole message of the client */
export function completeQuery(message: Buffer): Buffer {
  if (message[0] !== QUERY || !message.includes(COLUMN_OPTIONS)) return message;
  const sql = message.toString('utf8', 5).replace(COLUMN_OPTIONS, () => SETTABLE_COLUMN_OPTIONS);
  const completed = Buffer.concat([message.subarray(0, 5), Buffer.from(sql)]);
  completed.writeInt32BE(completed.length - 1, 1);
  return completed;
}
