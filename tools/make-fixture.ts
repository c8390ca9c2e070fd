import { rmSync } from 'node:fs';
import { runBackup } from '../shared/jobs/backup/backup.ts';
import { initConfiguredRepository, openConfiguredRepository } from '../shared/jobs/open-repository.ts';
import { FilesSource } from '../shared/sources/files/source.ts';

/**
 * Writes test/fixtures/repositories/format-N, N being the argument: two backups of test/fixtures/lines, made by this release.
 * A release keeps the fixtures of those before it; it does not make them again.
 */
const KEY = 'ab'.repeat(32);
const version = process.argv[2] === '1' ? 1 : 2;
const folder = process.argv[3] ?? `test/fixtures/repositories/format-${version}`;
const signal = new AbortController().signal;
const config = { repository: folder, encryptionKey: KEY, workers: 1 };

rmSync(folder, { recursive: true, force: true });
await initConfiguredRepository(config, signal, { version });
await using repository = await openConfiguredRepository(config, signal);
for (const lines of ['test/fixtures/lines/1', 'test/fixtures/lines/2']) {
  const source = new FilesSource(lines);
  const same = {
    kind: 'files' as const,
    name: 'files:lines',
    capabilities: source.capabilities,
    open: source.open.bind(source),
  };
  const { key } = await runBackup(repository, same, { type: 'daily', signal });
  console.log(key);
}
