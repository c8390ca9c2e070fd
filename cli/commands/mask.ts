import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../shared/core/errors.ts';
import { checkMaskOfBackup, checkMaskOfSource, type MaskCheck } from '../../shared/jobs/mask/check-mask.ts';
import { type MaskReport, readMaskReport } from '../../shared/jobs/mask/mask-report.ts';
import { refuseProblems } from '../../shared/jobs/mask/plan-mask.ts';
import { readFacts } from '../../shared/jobs/mask/read-facts.ts';
import { type MaskRulesInput, parseMaskRules, readMaskRules } from '../../shared/jobs/mask/rules.ts';
import { type MaskSuggestion, suggestRules } from '../../shared/jobs/mask/suggest.ts';
import { contentsOf } from '../../shared/jobs/restore/contents.ts';
import { openSource } from '../../shared/jobs/source/open-source.ts';
import { COMMON_HELP, type Command, parse, unknownAction, usage } from '../command.ts';
import { plural } from '../format.ts';
import { type Io, write } from '../io.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { findPlace, loadConfig } from '../load-config.ts';
import { CommandSession } from '../session.ts';

const options = {
  rules: { type: 'string' },
  output: { type: 'string', short: 'o' },
  rows: { type: 'string' },
  database: { type: 'string', short: 'd' },
  ...KEY_OPTIONS,
} as const;

type Values = ReturnType<typeof parseMask>['values'];

function parseMask(argv: readonly string[]) {
  return parse(argv, options, 2);
}

/** `holdfast mask`: rules of masked copies. */
export const mask: Command = {
  options,
  help: `Usage: holdfast mask suggest [KEY] [--rules FILE] [--output FILE] [--rows N]
       holdfast mask check [KEY | --database PLACE] --rules FILE
       holdfast mask report NAME

Rules for masked copies (\`restore --mask\`): what to do with each column.

  suggest                 look at a backup and write rules for all of its columns, each with its reason: a function for
                          columns whose name or values look personal, and keep for the rest
  check                   check that the rules cover every column, and break no key and no check; meant for CI
  report                  show how a copy was masked, and what proves it

      --rules FILE        the rules; \`suggest\` keeps them as they are and adds what is missing
  -o, --output FILE       write the rules there instead of printing them
      --rows N            rows of each table to look at (default 1000)
  -d, --database PLACE    check a database instead of a backup: a name from the configuration, a URL, or env:NAME. Only
                          definitions are read
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast mask suggest latest --output rules.json
  holdfast mask suggest latest --rules rules.json --output rules.json
  holdfast mask check --database env:TEST_DATABASE_URL --rules rules.json

Exit status: 0 done, or the rules are complete; 2 the rules cannot be read; 10 no such backup or report; 11 columns
without a rule, or rules that would break a key or a check; 30 database.
`,

  async run(argv, io) {
    const { values, positionals } = parseMask(argv);
    const [action, given] = positionals;
    if (action === 'suggest') return suggest(values, given, io);
    if (action === 'check') return check(values, given, io);
    if (action === 'report') return report(values, given, io);
    throw unknownAction('mask', action, ['suggest', 'check', 'report']);
  },
};

async function suggest(values: Values, given: string | undefined, io: Io): Promise<number> {
  refuse(values, ['database']);
  const rows = values.rows === undefined ? undefined : Number(values.rows);
  if (rows !== undefined && !(Number.isInteger(rows) && rows > 0))
    throw usage(`--rows is '${values.rows}'`, 'Give a whole number above 0.');
  const existing = await existingRules(values.rules, io);
  const output = values.output === undefined ? undefined : path.resolve(io.cwd, values.output);
  if (output !== undefined && !output.endsWith('.json'))
    throw usage(
      `--output is '${values.output}'`,
      'Rules are written as JSON: name a file that ends with .json.',
    );
  await using session = await CommandSession.open({ ...values, source: undefined }, io);
  const key = await session.backup(given, values);
  const contents = contentsOf(await session.repository.openBackup(key, io.signal));
  const facts = await readFacts(contents, io.signal);
  const found = await suggestRules(contents, facts, { existing, rows, signal: io.signal });
  const text = `${JSON.stringify(found.rules, null, 2)}\n`;
  if (output !== undefined)
    await writeRules(output, text, existing !== undefined && values.rules === values.output);
  else if (!session.isJson) await write(io.stdout, text);
  session.progress.say(describeSuggestion(found));
  if (session.isJson) await session.print({ key, ...found, output: output ?? null }, '');
  return 0;
}

/** As they are written, so that short forms stay short. Only JSON can be added to. */
async function existingRules(file: string | undefined, io: Io): Promise<MaskRulesInput | undefined> {
  if (file === undefined) return undefined;
  if (!file.endsWith('.json'))
    throw usage(`--rules is '${file}'`, 'Rules can be added to a .json file only.');
  const name = path.resolve(io.cwd, file);
  await readMaskRules(name);
  return JSON.parse(await readFile(name, 'utf8')) as MaskRulesInput;
}

/** @throws E_TARGET_NOT_EMPTY for a file that is there, and is not the one that is added to */
async function writeRules(file: string, text: string, isSame: boolean): Promise<void> {
  parseMaskRules(JSON.parse(text));
  await writeFile(file, text, { flag: isSame ? 'w' : 'wx' }).catch((error: unknown) => {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
    throw new HoldfastError('E_TARGET_NOT_EMPTY', `${file} already exists`, {
      cause: error,
      hint: 'Name another file, or pass it as --rules as well to add what is missing.',
    });
  });
}

function describeSuggestion({ added, personal, undecided }: MaskSuggestion): string {
  const lines = [
    `${plural(added, 'column')} had no rule; ${plural(personal.length, 'column')} of these look personal${personal.length > 0 ? `: ${personal.join(', ')}` : ''}`,
    ...(undecided.length > 0
      ? [`No function fits these columns; decide for yourself: ${undecided.join(', ')}`]
      : []),
    'Read every rule before you use it: suggestions come from a look at some rows.',
  ];
  return lines.join('\n');
}

async function check(values: Values, given: string | undefined, io: Io): Promise<number> {
  refuse(values, ['output', 'rows']);
  if (values.rules === undefined) throw usage('--rules is missing', 'Name the file of rules to check.');
  if (values.database !== undefined && given !== undefined)
    throw usage('KEY and --database were both given', 'Leave out one of them.');
  const rules = await readMaskRules(path.resolve(io.cwd, values.rules));
  if (values.database !== undefined) {
    const source = await openSource(
      findPlace(values.database, await loadConfig({ ...values, source: undefined }, io), io),
      io.env,
    );
    const found = await checkMaskOfSource(source, rules, io.signal);
    await write(
      io.stdout,
      values.json ? `${JSON.stringify({ of: source.name, ...found })}\n` : describeCheck(source.name, found),
    );
    return ended(found, values.json);
  }
  await using session = await CommandSession.open({ ...values, source: undefined }, io);
  const key = await session.backup(given, values);
  const found = await checkMaskOfBackup(session.repository, key, rules, io.signal);
  await session.print({ of: key, ...found }, describeCheck(key, found));
  return ended(found, values.json);
}

/** @throws E_MASK_RULES; with `--json` the status alone says it, as the document has the rest */
function ended(found: MaskCheck, isJson: boolean | undefined): number {
  const isRight = found.unclassified.length + found.problems.length === 0;
  if (!isRight && !isJson) refuseProblems(found);
  return isRight ? 0 : 11;
}

function describeCheck(of: string, { columns, unclassified, warnings }: MaskCheck): string {
  const kept = columns.filter(({ mask: how }) => how === 'keep').length;
  const lines = [
    `${of}: ${plural(columns.length - kept, 'column')} masked, ${kept} kept, ${unclassified.length} without a rule`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
  return `${lines.join('\n')}\n`;
}

async function report(values: Values, given: string | undefined, io: Io): Promise<number> {
  refuse(values, ['rules', 'output', 'rows', 'database', 'source', 'type']);
  if (given === undefined)
    throw usage(
      'NAME is missing',
      'Give the name that the restore printed, such as mask_20260301_020000_0123abcd.',
    );
  await using session = await CommandSession.open({ ...values, source: undefined }, io);
  const found = await readMaskReport(session.repository, given, io.signal);
  await session.print({ ...found, details: found.details ?? null }, describeReport(found));
  return 0;
}

const PROOFS = {
  signed: 'signed by a key that is trusted here',
  authentic: 'written with the key of the repository; not signed',
  none: 'NOT PROVEN: no key was given',
} as const;

function describeReport({ at, backup, body, details, proof }: MaskReport): string {
  const columns = Array.isArray(details?.['columns']) ? details['columns'] : [];
  const lines = columns.map(
    (one: { readonly column: string; readonly mask: string; readonly follows: string | null }) =>
      `  ${one.column}: ${one.mask}${one.follows === null ? '' : ` (follows ${one.follows})`}`,
  );
  return `${[
    `${backup} was masked on ${at}: ${String(body['masked'])} columns masked, ${String(body['kept'])} kept`,
    `  ${PROOFS[proof]}`,
    ...(typeof details?.['target'] === 'string' ? [`  into ${details['target']}`] : []),
    ...lines,
  ].join('\n')}\n`;
}

function refuse(values: Values, names: readonly (keyof Values)[]): void {
  const given = names.find((name) => values[name] !== undefined);
  if (given !== undefined)
    throw usage(`--${given} does not belong to this action`, '`holdfast help mask` shows which options do.');
}
