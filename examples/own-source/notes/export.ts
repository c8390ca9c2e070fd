import { HoldfastError } from '../../../shared/core/errors.ts';
import type { Exporter } from '../../../shared/sources/target.ts';

/** The notes below one heading as they lie in the backup, a line each. */
export const exportNotes: Exporter = async function* (contents, { format, datasets: names, signal }) {
  const chosen = contents.datasets.filter(({ name }) => names?.includes(name) ?? true);
  const [only, ...others] = chosen;
  if (format !== 'ndjson' || !only || others.length > 0)
    throw new HoldfastError(
      'E_USAGE',
      `notes are exported as ndjson, one dataset at a time; got ${chosen.length}`,
      {
        hint: 'Name one with --dataset.',
      },
    );
  for (const partition of only.partitions) yield* contents.read(only, partition, signal);
};
