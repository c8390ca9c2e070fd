import { HoldfastError } from '../../core/errors.ts';
import type { ImportPlugin } from '../../sources/plugin.ts';
import { KINDS, pluginOf } from '../../sources/registry.ts';
import type { Exporter, ExportFormat } from '../../sources/target.ts';

/**
 * @throws E_SOURCE_UNSUPPORTED for a kind that this release does not know, E_USAGE for one without exports
 */
export async function exporterFor(kind: string): Promise<Exporter> {
  const { displayName, exporter } = pluginOf(kind);
  if (exporter) return exporter();
  throw new HoldfastError('E_USAGE', `a backup of ${displayName} has no export format`, {
    hint: 'Restore it to a folder: `holdfast restore KEY --to ./folder`.',
  });
}

/** The format of an export if nobody says. */
export function defaultFormat(kind: string): ExportFormat {
  const [first] = pluginOf(kind).exports ?? [];
  return first?.format ?? 'ndjson';
}

/** @throws E_USAGE for a kind that cannot import files */
export function importsOf(kind: string): ImportPlugin {
  const { displayName, imports } = pluginOf(kind);
  if (imports) return imports;
  const examples = KINDS.flatMap(({ imports: own, urlExample }) => (own ? [urlExample] : []));
  throw new HoldfastError('E_USAGE', `backups of ${displayName} cannot be imported`, {
    hint: `Name the database that the file is of, such as --source ${examples.join(' or ')}; or restore the file into a database, and back that up.`,
  });
}
