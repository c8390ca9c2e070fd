import { SECOND_MS } from '../../shared/core/units.ts';
import { doctorExitStatus, runDoctor } from '../../shared/jobs/doctor/doctor.ts';
import { EXAMINED_JOBS } from '../../shared/jobs/doctor/examined-jobs.ts';
import type { DoctorRow } from '../../shared/jobs/doctor/row.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { deploymentGroups, doctorGroups } from '../doctor-places.ts';
import { describeRow, doctorDocument, FoldedRows, sumUp } from '../doctor-rows.ts';
import { write } from '../io.ts';
import { loadConfig } from '../load-config.ts';

const options = {
  source: { type: 'string', short: 's', multiple: true },
  only: { type: 'string', multiple: true },
  seconds: { type: 'string' },
  deployed: { type: 'string' },
  region: { type: 'string' },
} as const;

const COLUMNS = 100;
const MOST_SECONDS = 600;

/** `holdfast doctor`: tries what the configuration needs, and says what to do about what is missing. */
export const doctor: Command = {
  options,
  help: `Usage: holdfast doctor [--source SOURCE…] [--only NAME…]
       holdfast doctor --deployed STACK [--region REGION] [--only NAME…]

Checks everything that a backup and a restore will need, one row each, and says how to fix what is wrong: the store,
this machine's clock, credentials, the bucket's settings, conditional writes, the repository, the key; and for each
source the name, the network, TLS, the login, the version, connections, the snapshot, rights on every table. It changes
nothing except a probe object of its own, which it removes, and takes no locks in a database.

With --deployed: the same inside the functions that do the work, each with its own role and in its own network; and from
outside the schedules, who receives alarms, limits of the account, and the bucket's settings.

  -s, --source SOURCE     name from the configuration, URL, env:NAME or path; may be repeated (default: all in the
                          configuration)
      --only NAME         only this check (\`tls\`), or those of this source (\`shop\`, \`shop/tls\`), and the checks that
                          it needs. May be repeated
      --deployed STACK    a deployment on AWS, by the prefix of its stacks' names (aws.stackName; \`Holdfast\`)
      --region REGION     its region (aws.region, else the AWS tools' default)
      --seconds N         how long one check may take (30)

${COMMON_HELP}
Examples:
  holdfast doctor
  holdfast doctor --source env:SHOP_URL --only rights
  holdfast doctor --deployed Holdfast
  holdfast doctor --json

Exit status: 0 all is well; 41 there are warnings, but nothing failed; else the status of the first check that
failed (docs/reference/errors.md): 12 key, 13 store, 30 database, ….
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const { source, only, seconds, deployed, region, ...flags } = values;
    refuseMixed(values);
    const limitMs = limitOf(seconds);
    const config = await loadConfig(flags, io);
    const groups =
      deployed === undefined
        ? await doctorGroups(config, source, io)
        : await deploymentGroups(deployed, region ?? config.aws.region, io);
    const rows: DoctorRow[] = [];
    const folded = new FoldedRows(deployed === undefined ? [] : EXAMINED_JOBS);
    const show = async (shown: readonly DoctorRow[]): Promise<void> => {
      if (values.json) return;
      for (const row of shown) await write(io.stdout, describeRow(row, io.stdout.columns ?? COLUMNS));
    };
    for await (const row of runDoctor(groups, { only, limitMs, signal: io.signal })) {
      rows.push(row);
      await show(folded.add(row));
    }
    await show(folded.end());
    const end = values.json ? `${JSON.stringify(doctorDocument(rows))}\n` : `\n${sumUp(rows)}`;
    await write(io.stdout, end);
    return doctorExitStatus(rows);
  },
};

/** @throws E_USAGE */
function refuseMixed({ source, deployed, region }: Readonly<Record<string, unknown>>): void {
  if (deployed !== undefined && source !== undefined)
    throw usage('--source checks from here, --deployed from inside', 'Give only one of them.');
  if (deployed === undefined && region !== undefined)
    throw usage('--region needs --deployed', 'Name the deployment: --deployed STACK.');
}

/** @throws E_USAGE */
function limitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= MOST_SECONDS) return seconds * SECOND_MS;
  throw usage(`--seconds is '${text}'; allowed are 1 to ${MOST_SECONDS}`);
}
