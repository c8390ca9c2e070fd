import { backupShare } from '../../../shared/jobs/backup/backup-share.ts';
import { openConfiguredRepository } from '../../../shared/jobs/open-repository.ts';
import { openSource } from '../../../shared/jobs/source/open-source.ts';

/** One share in a process of its own: told by the environment, answers in JSON. */
const {
  SHARE_REPOSITORY = '',
  SHARE_KEY = '',
  SHARE_KIND = 'postgres',
  SHARE_SOURCE = '',
  SHARE_RUN = '',
  SHARE_NUMBER = '',
} = process.env;
const { signal } = new AbortController();
const config = { repository: SHARE_REPOSITORY, encryptionKey: SHARE_KEY, workers: 1 };
await using repository = await openConfiguredRepository(config, signal);
const source = await openSource({ kind: SHARE_KIND, url: SHARE_SOURCE, options: { readers: 2 } }, {});
const figures = await backupShare(repository, source, {
  run: SHARE_RUN,
  share: Number(SHARE_NUMBER),
  signal,
});
process.stdout.write(JSON.stringify(figures));
