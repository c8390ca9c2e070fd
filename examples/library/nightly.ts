// Backs a database up, proves that the backup can be restored, and removes what is no longer kept:
//
//   export BACKUP_ENCRYPTION_KEY=<64 hex digits>
//   node nightly.ts ./backups postgres://localhost/shop postgres://localhost/postgres
import { backup, drill, HoldfastError, initRepository, openRepository, prune } from 'holdfast';

const [place = './backups', source = 'postgres://localhost/shop', server = 'postgres://localhost/postgres'] =
  process.argv.slice(2);
const options = { repository: place, encryptionKey: process.env['BACKUP_ENCRYPTION_KEY'] ?? '' };

await using repository = await openRepository(options).catch((error: unknown) => {
  if (error instanceof HoldfastError && error.code === 'E_NO_REPOSITORY') return initRepository(options);
  throw error;
});

const made = await backup(repository, source, {
  name: 'shop',
  type: 'daily',
  onProgress: (event) => {
    if (event.kind === 'warning') console.warn(event.message);
  },
  // Stops clean: nothing is listed then.
  signal: AbortSignal.timeout(3_600_000),
});
console.log(`${made.key}: ${made.records} records, ${made.storedBytes} bytes stored`);
if (made.suspect) console.warn(`suspect, compared with ${made.suspect.against}`);

const { outcome, restoreMs, error } = await drill(repository, made.key, server);
console.log(`drill: ${outcome}, restored in ${restoreMs} ms`);
if (outcome !== 'equal') {
  console.error(error?.message ?? 'what was restored differs from the backup');
  process.exitCode = 1;
}

const { expired, freedBytes } = await prune(repository, { retention: { daily: 30 }, keep: { monthly: 12 } });
console.log(`prune: ${expired.length} backups went, ${freedBytes} bytes freed`);
