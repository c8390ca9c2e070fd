import { backupName } from '../../../shared/core/backup-words.ts';
import { bytes } from '../../../shared/core/human.ts';
import { call, send } from '../../api/client.ts';
import { CallError } from '../../api/problem.ts';
import { saveAs, saveFile } from '../../api/save-file.ts';
import type { DownloadLink, QueryOf, RunStarted } from '../../api/types.ts';

/** A form of downloads. */
export type Format = NonNullable<QueryOf<'download'>['format']>;
type Query = Pick<QueryOf<'download'>, 'format' | 'dataset'>;

const ASK_MS = 1_500;

/**
 * Has an export made and hands it to the browser: the API streams small ones at once, and prepares larger
 * ones first.
 *
 * @returns the file's name
 * @throws CallError
 */
export async function download(key: string, query: Query, onPhase: (text: string) => void): Promise<string> {
  onPhase('Preparing the export…');
  const first = await send('download', { param: backupName(key), query });
  if (first.status !== 202) return take(first, onPhase);
  const { run } = (await first.json()) as RunStarted;
  await prepared(run, onPhase);
  return take(
    await send('download', { param: backupName(key), query: { ...query, prepared: run } }),
    onPhase,
  );
}

async function prepared(run: string, onPhase: (text: string) => void): Promise<void> {
  for (;;) {
    const { state, progress, error } = await call('run', { param: run });
    if (state === 'succeeded') return;
    if (state === 'failed')
      throw new CallError({
        kind: 'refused',
        code: error?.code ?? '',
        message: error?.message ?? 'the export failed',
        hint: error?.hint ?? undefined,
        fields: [],
        retryAfterMs: undefined,
      });
    if (progress) onPhase(`Preparing the export: ${bytes(progress.doneBytes)}…`);
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}

/** A file, or the address of one. */
async function take(response: Response, onPhase: (text: string) => void): Promise<string> {
  const disposition = response.headers.get('content-disposition');
  if (disposition === null) {
    const { url, fileName } = (await response.json()) as DownloadLink;
    saveAs(url, fileName);
    return fileName;
  }
  onPhase('Downloading the file…');
  return saveFile(response);
}
