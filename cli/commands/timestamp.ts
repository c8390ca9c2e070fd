import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../shared/core/errors.ts';
import { timeStampHeads } from '../../shared/jobs/keys/time-stamp.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { plural } from '../format.ts';
import { CommandSession } from '../session.ts';

const options = { url: { type: 'string' }, output: { type: 'string', short: 'o' } } as const;

/** `holdfast timestamp`: has an authority vouch for when the newest backups were there. */
export const timestamp: Command = {
  options,
  help: `Usage: holdfast timestamp --url URL --output FILE

Asks a time-stamping authority (RFC 3161) to confirm that the newest backup of each source exists at this time. What was
stamped goes to FILE (JSON, which \`verify --all --heads\` takes too), the stamp to FILE.tsr. The authority only sees a hash.
Without a key it is not proven that the backups are Holdfast's.

      --url URL           URL of the authority: http:// or https://
  -o, --output FILE       a new file

${COMMON_HELP}
Examples:
  holdfast timestamp --url https://tsa.example/ -o heads-2026-11-29.json
  openssl ts -verify -data heads-2026-11-29.json -in heads-2026-11-29.json.tsr -CAfile tsa.pem

Exit status: 0 stamped; 2 FILE exists, or the URL is invalid; 10 there is no backup; 75 the authority gave no stamp.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const { url, output } = values;
    if (url === undefined) throw usage('--url is missing', 'Give the URL of an RFC 3161 authority.');
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      throw usage(`--url is '${url}'; give http://… or https://…`);
    if (output === undefined) throw usage('--output is missing', 'Name a new file: -o heads.json.');
    await using session = await CommandSession.open(values, io);
    const file = path.resolve(io.cwd, output);
    const { heads, document, answer } = await timeStampHeads(session.repository, url, io.signal);
    await writeNew(file, document);
    await writeNew(`${file}.tsr`, answer);
    const text = `Stamped: the newest backups of ${plural(heads.length, 'source')}, in ${file}; the stamp is ${file}.tsr.
Check it with: openssl ts -verify -data ${file} -in ${file}.tsr -CAfile FILE_OF_THE_AUTHORITY
`;
    await session.print({ heads, file, stamp: `${file}.tsr` }, text);
    return 0;
  },
};

/** @throws E_USAGE if it exists or cannot be written */
async function writeNew(file: string, bytes: Buffer): Promise<void> {
  try {
    await writeFile(file, bytes, { flag: 'wx' });
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new HoldfastError('E_USAGE', `${file} ${isThere ? 'already exists' : 'cannot be written'}`, {
      cause,
      hint: 'Name another file.',
    });
  }
}
