import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { resolveConfig } from '../../shared/config/config.ts';
import { DAY_MS } from '../../shared/core/units.ts';

const { retention, prune, suspects } = resolveConfig({
  file: { sources: {} },
  fileName: 'holdfast.config.ts',
  env: {},
  flags: {},
});
const days = Object.entries(retention.days)
  .map(([type, count]) => `${type} ${count}`)
  .join(', ');

/** A setting, and what each place says that it is without being set. */
it.each([
  ['docs/reference/configuration.md', 'retention.TYPE', `default ${days}`],
  ['docs/reference/retention.md', '`retention` has days', days],
  ['infra/constructs/database-backups-props.ts', '@default', days],
  ['shared/library/prune.ts', '@default', days],
  ['docs/reference/configuration.md', 'prune.graceDays', `default ${prune.graceMs / DAY_MS}.`],
  ['docs/reference/configuration.md', 'prune.maxSharePercent', `default ${prune.maxShare * 100} |`],
  ['docs/reference/configuration.md', 'suspects.recordsDownBy', `Default ${suspects.recordsDownBy};`],
  ['docs/reference/configuration.md', 'suspects.minRecords', `Default ${suspects.minRecords} |`],
])('%s has the default of %s: %s', (page, setting, wanted) => {
  const lines = readFileSync(page, 'utf8').split('\n');
  expect(lines.filter((line) => line.includes(setting) && line.includes(wanted))).not.toEqual([]);
});
