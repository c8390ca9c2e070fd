import { availableParallelism } from 'node:os';
import { money } from '../../shared/core/forecast-words.ts';
import { MiB } from '../../shared/core/units.ts';
import { DEFAULT_SAMPLE_BYTES, type Estimate, estimateBackups } from '../../shared/jobs/estimate/estimate.ts';
import { openSource } from '../../shared/jobs/source/open-source.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { bytes, duration, ratio, table } from '../format.ts';
import { write } from '../io.ts';
import { SOURCE_HELP } from '../kinds.ts';
import { defaultSource, findPlace, loadConfig } from '../load-config.ts';
import { type Screen, type Styled, screenStyle, styled } from '../style.ts';

const options = {
  source: { type: 'string', short: 's' },
  sample: { type: 'string', default: String(DEFAULT_SAMPLE_BYTES / MiB) },
  'daily-change': { type: 'string', default: '1' },
} as const;

const MOST_SAMPLE_MIB = 256;
/** As backups have by default. */
const MOST_WORKERS = 4;

/** `holdfast estimate`: what backups of a source will take, from a sample of it. */
export const estimate: Command = {
  options,
  help: `Usage: holdfast estimate [--source SOURCE] [--sample MIB] [--daily-change PERCENT]

Reads a sample of a database and backs it up into memory at each level of compression. Prints how large a first backup
and a month of daily backups would be, how long a first backup would take on this machine, and what storing them would
cost. It needs no repository and writes nothing.

${SOURCE_HELP}
      --sample MIB            how many MiB of records to read, 1 to ${MOST_SAMPLE_MIB} (default ${DEFAULT_SAMPLE_BYTES / MiB}); at least 64 KiB of each
                              table are read
      --daily-change PERCENT  how many of the records change in a day, 0 to 100 (default 1)

The levels are values of \`compression\` in the configuration. Sizes of a database that is larger than the sample follow
what the database says of its own sizes, and the first records of each table stand for the rest.

${COMMON_HELP}
Examples:
  holdfast estimate --source shop
  holdfast estimate --source postgres://db.example/shop --daily-change 5

Exit status: 0 estimated; 30 to 37 the database cannot be read (docs/reference/errors.md).
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const sampleMiB = inRange('--sample', values.sample, { least: 1, most: MOST_SAMPLE_MIB });
    const percent = inRange('--daily-change', values['daily-change'], { least: 0, most: 100 });
    const config = await loadConfig(values, io);
    const named = values.source ?? defaultSource(config);
    if (typeof named !== 'string')
      throw usage(
        named.length === 0 ? 'no source is configured' : 'several sources are configured',
        'Name one: holdfast estimate --source SOURCE.',
      );
    const source = await openSource(findPlace(named, config, io), io.env);
    const result = await estimateBackups(source, {
      sampleBytes: sampleMiB * MiB,
      dailyChange: percent / 100,
      price: config.price,
      workers: config.workers ?? Math.min(MOST_WORKERS, availableParallelism()),
      signal: io.signal,
    });
    const screen = screenStyle(io.stdout, io.env);
    await write(io.stdout, values.json ? `${JSON.stringify(result)}\n` : String(describe(result, screen)));
    return 0;
  },
};

function inRange(
  option: string,
  text: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw usage(`${option} is '${text}'`, `Give a number from ${least} to ${most}.`);
}

function describe(result: Estimate, screen: Screen): Styled {
  const { source, sampleBytes, plainBytes, isWhole, readBytesPerSecond, dailyChange, price, levels } = result;
  const about = isWhole ? '' : 'about ';
  const rows = levels.map(({ compression, storedBytes, firstBackupMs, cpuMs, monthBytes, monthlyCost }) => [
    compression,
    `${about}${bytes(storedBytes)}`,
    ratio(plainBytes, storedBytes),
    duration(firstBackupMs),
    duration(cpuMs),
    `about ${bytes(monthBytes)}`,
    ...(price && monthlyCost !== undefined ? [money(monthlyCost, price.currency)] : []),
  ]);
  const cost = price ? ['COST A MONTH'] : [];
  const levelsTable = table(
    ['COMPRESSION', 'FIRST BACKUP', 'SMALLER', 'TIME', 'CPU', '30 DAILY BACKUPS', ...cost],
    rows,
    screen,
  );
  const read = isWhole
    ? `All ${bytes(plainBytes)} of its records were read`
    : `${bytes(sampleBytes)} of ${about}${bytes(plainBytes)} of its records were read`;
  const priced = price
    ? `Storing costs ${money(price.perGibMonth, price.currency)} a GiB and month (${price.of}); requests and transfer are not counted.`
    : 'No price is known of this place; set `prices` in the configuration to see costs.';
  return styled`${source.name} (${source.server})
${read}, at ${bytes(readBytesPerSecond)} a second.

${levelsTable}
Times are of this machine. 30 daily backups: ${String(dailyChange * 100)} % of the records change a day, and all are kept.
${priced}
`;
}
