import { backupName } from '../../core/backup-words.ts';
import { EXPORT_TYPES, type FileFormat } from '../../core/export-types.ts';

const MOST_DATASET_CHARS = 80;

/** `backup_daily_20260301_020000.public.orders.csv`, only of letters, digits, `.`, `_` and `-`. */
export function fileNameOf(
  key: string,
  { dataset, format }: { readonly dataset: string | undefined; readonly format: FileFormat },
): string {
  const safe = dataset
    ?.replaceAll(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^\.+/, '')
    .slice(0, MOST_DATASET_CHARS);
  return [backupName(key), ...(safe ? [safe] : []), format].join('.');
}

/** Headers of an answer that is a file to be kept. Whatever the name, nothing of it ends the header or its quotes. */
export function fileHeaders(fileName: string, format: FileFormat): Record<string, string> {
  const ascii = fileName.replaceAll(/[^A-Za-z0-9._-]/g, '_');
  const encoded = encodeURIComponent(fileName).replaceAll(
    /['()*!]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  );
  return {
    'content-type': EXPORT_TYPES[format],
    'content-disposition': `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`,
  };
}
