import { ERRORS, HoldfastError } from '../shared/core/errors.ts';
import { sleep } from '../shared/core/sleep.ts';
import { openChangeSetup } from '../shared/jobs/changes/openers.ts';
import { doctorExitStatus } from '../shared/jobs/doctor/doctor.ts';
import { type DoctorRow, rowOf } from '../shared/jobs/doctor/row.ts';
import { ask } from './ask.ts';
import { describeRow, doctorDocument, sumUp } from './doctor-rows.ts';
import { bytes, duration } from './format.ts';
import { type Io, write } from './io.ts';
import { loadConfig } from './load-config.ts';
import type { PitrFlags } from './pitr-options.ts';
import { type ContinuousSource, continuousSource } from './pitr-source.ts';

const COLUMNS = 100;

async function sourceOf(flags: PitrFlags, io: Io): Promise<ContinuousSource> {
  const { source, ...rest } = flags;
  return continuousSource(source, await loadConfig(rest, io), io);
}

/** `holdfast pitr setup`. */
export async function pitrSetup(flags: PitrFlags, io: Io): Promise<number> {
  const source = await sourceOf(flags, io);
  await using setup = await openChangeSetup(source.place, io.env);
  const options = {
    mostHeldBytes: source.settings.mostHeldBytes,
    allDatasets: flags['all-tables'] === true,
    definitions: flags.ddl === true,
  };
  const plan = await setup.plan(options, io.signal);
  const isPrinted = flags.print === true;
  if (!isPrinted) refuse(plan.refusals);
  const text = describePlan(source.name, plan);
  if (isPrinted || plan.statements.length === 0) {
    await write(
      io.stdout,
      flags.json ? `${JSON.stringify({ ...plan, isSetUp: plan.statements.length === 0 })}\n` : text,
    );
    return plan.refusals.length > 0 ? 11 : 0;
  }
  if (!flags.json) await write(io.stderr, text);
  await ask.confirmDestruction(io, `Run this in ${source.name}?`, { yes: flags.yes === true });
  await setup.setUp(options, io.signal);
  const done = `${source.name} now keeps its changes for Holdfast. Next: holdfast pitr run${
    source.isConfigured
      ? ''
      : `
Add continuous: {} to ${source.name} in the configuration, too: prune and status go by it`
  }\n`;
  await write(io.stdout, flags.json ? `${JSON.stringify({ ...plan, isSetUp: true })}\n` : done);
  return 0;
}

/** @throws E_CHANGES_UNSAFE */
function refuse(refusals: readonly string[]): void {
  const [first, ...others] = refusals;
  if (first === undefined) return;
  throw new HoldfastError('E_CHANGES_UNSAFE', [first, ...others].join(' '), {
    hint: 'Nothing was changed. `holdfast pitr setup --print` shows the statements.',
  });
}

function describePlan(
  name: string,
  {
    statements,
    refusals,
    warnings,
  }: Awaited<ReturnType<Awaited<ReturnType<typeof openChangeSetup>>['plan']>>,
): string {
  if (statements.length + refusals.length === 0) return `${name} is set up already.\n`;
  return [
    ...statements.flatMap(({ sql, why }) => [`-- ${why}`, sql.trimEnd().endsWith(';') ? sql : `${sql};`]),
    ...refusals.map((refusal) => `-- REFUSED: ${refusal}`),
    ...warnings.map((warning) => `-- warning: ${warning}`),
    '',
  ].join('\n');
}

/** `holdfast pitr doctor`. */
export async function pitrDoctor(flags: PitrFlags, io: Io): Promise<number> {
  const source = await sourceOf(flags, io);
  await using setup = await openChangeSetup(source.place, io.env);
  const rows: DoctorRow[] = [];
  for await (const check of setup.check(io.signal)) {
    const fix = 'Run `holdfast pitr setup --print` to see what is missing.';
    const row = rowOf(check, { name: `${source.name}/${check.name}`, code: 'E_CHANGES_NOT_SET_UP', fix });
    rows.push(row);
    if (!flags.json) await write(io.stdout, describeRow(row, io.stdout.columns ?? COLUMNS));
  }
  await write(io.stdout, flags.json ? `${JSON.stringify(doctorDocument(rows))}\n` : `\n${sumUp(rows)}`);
  return doctorExitStatus(rows);
}

/** `holdfast pitr remove`. */
export async function pitrRemove(flags: PitrFlags, io: Io): Promise<number> {
  const source = await sourceOf(flags, io);
  const question = `Stop continuous backup of ${source.name}? Moments from now on cannot be restored; earlier ones still can.`;
  await ask.confirmDestruction(io, question, { yes: flags.yes === true });
  await using setup = await openChangeSetup(source.place, io.env);
  await setup.remove(io.signal);
  const done = `${source.name} no longer keeps changes for Holdfast. Stored changes stay until prune removes them.\n`;
  await write(io.stdout, flags.json ? `${JSON.stringify({ source: source.name, isSetUp: false })}\n` : done);
  return 0;
}

/** `holdfast pitr watchdog`: it must not depend on what the poller depends on, so it opens no repository. */
export async function pitrWatchdog(flags: PitrFlags, io: Io): Promise<number> {
  const source = await sourceOf(flags, io);
  for (;;) {
    const didLetGo = await watch(source, flags, io);
    if (flags.once) return didLetGo ? ERRORS.E_CHANGES_GAP.exitStatus : 0;
    await sleep(source.settings.everyMs, io.signal);
  }
}

/** Looks once. @returns whether the server let go of its log */
async function watch(
  { name, place, settings }: ContinuousSource,
  flags: PitrFlags,
  io: Io,
): Promise<boolean> {
  const { mostHeldBytes, mostIdleMs } = settings;
  await using setup = await openChangeSetup(place, io.env);
  const didLetGo = await setup.letGo({ mostHeldBytes, mostIdleMs }, io.signal);
  if (!didLetGo && !flags.once) return false;
  const { heldBytes } = await setup.state(io.signal);
  const said = didLetGo
    ? `WARNING: the server of ${name} was told to release its log: it held more than ${bytes(mostHeldBytes)}, or nobody had read it for ${duration(mostIdleMs)}. Changes are lost from here on: the next poll (holdfast pitr run) goes on after the gap, and makes a new backup.\n`
    : `${name} is within its limits\n`;
  const document = { source: name, didLetGo, heldBytes: heldBytes ?? null };
  await write(io.stdout, flags.json ? `${JSON.stringify(document)}\n` : said);
  return didLetGo;
}
