import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../shared/core/errors.ts';
import { KINDS } from '../../shared/sources/registry.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { type DeployAnswers, deployTemplate, type TemplateVersions } from '../deploy-template.ts';
import { write } from '../io.ts';
import { optionHelp } from '../kinds.ts';

const options = {
  source: { type: 'string', short: 's' },
  secret: { type: 'string' },
  kind: { type: 'string' },
  account: { type: 'string' },
  region: { type: 'string' },
  vpc: { type: 'string' },
  subnets: { type: 'string' },
  email: { type: 'string', multiple: true },
  continuous: { type: 'boolean' },
  package: { type: 'string' },
} as const;

/** Kinds whose URL is no secret, each with an option of its own. */
const urlFlags = KINDS.flatMap(({ kind, deployFlag }) => (deployFlag ? [{ kind, ...deployFlag }] : []));
const continuousKinds = KINDS.flatMap(({ kind, changes }) => (changes ? [kind] : []));
const secretKinds = KINDS.flatMap(({ kind, isUrlInSecret = false }) => (isUrlInSecret ? [kind] : []));
const all = {
  ...options,
  ...Object.fromEntries(urlFlags.map(({ name }) => [name, { type: 'string' } as const])),
};

/** `holdfast deploy`: writes an app that deploys Holdfast on AWS. */
export const deploy: Command = {
  options: all,
  help: `Usage: holdfast deploy init FOLDER --source NAME --secret ARN

Writes a small CDK app into FOLDER that deploys Holdfast on AWS: its package.json, cdk.json, app.ts and
holdfast.config.ts. It calls nothing on AWS; you deploy with \`npm install && npm run deploy\` there.

  -s, --source NAME       the name of the database in the configuration, such as shop
      --secret ARN        ARN of the secret in Secrets Manager, or of the SSM parameter, that holds its login
${urlFlags.map(({ name, help: about }) => `${optionHelp(`      --${name} URL`, about)}\n`).join('')}${optionHelp('      --kind KIND', `kind of database, without such a URL: ${secretKinds.join(', ')} (default ${secretKinds[0]})`)}
      --account ID        12 digits (default: the secret's account)
      --region REGION     (default: the secret's region)
      --vpc ID            the VPC that reaches the database; not needed for a public one
      --subnets ID,ID     its private subnets, for --vpc
      --email ADDRESS     who gets an email when a backup fails; may be repeated
      --continuous        store changes each minute, to restore any moment: ${continuousKinds.join(', ')}
      --package SPEC      where npm finds Holdfast: a version, or file:/path/of/its/tarball.tgz (default: this version)

${COMMON_HELP}
Examples:
  holdfast deploy init backups -s shop --secret arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf \\
    --vpc vpc-0123456789abcdef0 --subnets subnet-0123456789abcdef0,subnet-0123456789abcdef1 --email ops@example.com
  holdfast deploy init backups -s game --firebase https://game.firebaseio.com --account 111122223333 --region eu-west-1

Exit status: 0 written; 2 an answer is missing or wrong; 11 FOLDER already has one of the files.
`,

  async run(argv, io) {
    const { values, positionals } = parse<typeof options>(argv, all, 2);
    const [action, folder] = positionals;
    if (action !== 'init') throw usage(`deploy has no action '${action ?? ''}'`, 'Use `deploy init FOLDER`.');
    if (folder === undefined)
      throw usage('FOLDER is missing', 'Name a new folder: `holdfast deploy init backups …`.');
    const answers = answersOf(values);
    const files = deployTemplate(answers, await versionsOf(values.package));
    const place = path.resolve(io.cwd, folder);
    const taken = Object.keys(files).find((name) => existsSync(path.join(place, name)));
    if (taken !== undefined)
      throw new HoldfastError('E_TARGET_NOT_EMPTY', `${path.join(folder, taken)} already exists`, {
        hint: 'Choose a new folder; nothing was written.',
      });
    await mkdir(place, { recursive: true });
    for (const [name, text] of Object.entries(files))
      await writeFile(path.join(place, name), text, { flag: 'wx' });
    const document = { folder: place, files: Object.keys(files) };
    await write(io.stdout, values.json ? `${JSON.stringify(document)}\n` : nextSteps(folder, answers));
    return 0;
  },
};

type Values = ReturnType<typeof parse<typeof options>>['values'];

/** The kind that a URL is given of, else the one whose login is a secret. */
function databaseOf(values: Values): Pick<DeployAnswers, 'kind' | 'url'> {
  const given: Readonly<Record<string, unknown>> = values;
  for (const { kind, name, example } of urlFlags) {
    const url = given[name];
    if (typeof url !== 'string') continue;
    if (!/^https:\/\/[^/@?]+\/?$/.test(url))
      throw wrong(name, url, `the URL of a database, such as ${example}`);
    return { kind, url };
  }
  const kind = values.kind ?? secretKinds[0];
  if (kind === undefined || !secretKinds.includes(kind)) throw wrong('kind', kind, secretKinds.join(', '));
  return { kind, url: undefined };
}

function answersOf(values: Values): DeployAnswers {
  const { secret, vpc, subnets, email = [] } = values;
  const { kind, url } = databaseOf(values);
  if (secret === undefined && url === undefined)
    throw usage('--secret is missing', 'Store the login in a secret of Secrets Manager, and give its ARN.');
  const [, ofRegion, ofAccount] = ARN.exec(secret ?? '') ?? [];
  if (secret !== undefined && ofRegion === undefined)
    throw wrong('secret', secret, 'the ARN of a Secrets Manager secret or of an SSM parameter');
  return {
    source: matching('source', values.source, SOURCE),
    kind,
    url,
    secret,
    account: matching('account', values.account ?? ofAccount, ACCOUNT),
    region: matching('region', values.region ?? ofRegion, REGION),
    network: networkOf(vpc, subnets),
    emails: email,
    continuous: continuousOf(values, kind),
  };
}

function continuousOf({ continuous = false }: Values, kind: string): boolean {
  if (!continuous || continuousKinds.includes(kind)) return continuous;
  throw usage(
    `--continuous is not for ${kind}; these kinds have it: ${continuousKinds.join(', ')}`,
    'Leave it out, and make backups more often instead.',
  );
}

const SOURCE = {
  form: /^[a-z][a-z0-9_-]*$/i,
  wanted: "letters, digits, '-' and '_', beginning with a letter",
};
const ACCOUNT = { form: /^\d{12}$/, wanted: '12 digits' };
const REGION = { form: /^[a-z]{2}(-[a-z]+)+-\d$/, wanted: 'a region such as eu-west-1' };

function matching(
  name: string,
  value: string | undefined,
  { form, wanted }: { readonly form: RegExp; readonly wanted: string },
): string {
  if (value !== undefined && form.test(value)) return value;
  throw wrong(name, value, wanted);
}

function wrong(name: string, value: string | undefined, wanted: string): HoldfastError {
  return usage(`--${name} is ${value === undefined ? 'missing' : `'${value}'`}; give ${wanted}`);
}

const ARN = /^arn:aws[a-z-]*:(?:secretsmanager|ssm):([a-z0-9-]+):(\d{12}):(?:secret:|parameter\/).+$/;

function networkOf(vpcId: string | undefined, subnets: string | undefined): DeployAnswers['network'] {
  if (vpcId === undefined && subnets === undefined) return undefined;
  const subnetIds = subnets?.split(',') ?? [];
  if (!vpcId?.startsWith('vpc-')) throw wrong('vpc', vpcId, 'vpc-…');
  if (subnetIds.length === 0 || subnetIds.some((id) => !id.startsWith('subnet-')))
    throw wrong('subnets', subnets, 'subnet-…,subnet-…');
  return { vpcId, subnetIds };
}

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** The versions that this release is built and tested with. */
async function versionsOf(holdfast: string | undefined): Promise<TemplateVersions> {
  const { version, devDependencies } = await ownPackage();
  const of = (name: string) => devDependencies[name] ?? 'latest';
  return {
    holdfast: holdfast ?? `^${version}`,
    cdkLib: of('aws-cdk-lib'),
    cdk: of('aws-cdk'),
    constructs: of('constructs'),
    typescript: of('typescript'),
    nodeTypes: of('@types/node'),
  };
}

/** Found from the source as well as from the bundle in dist/. */
async function ownPackage(): Promise<PackageFile> {
  for (const up of ['..', '../..']) {
    const file = path.join(import.meta.dirname, up, 'package.json');
    if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as PackageFile;
  }
  throw new HoldfastError('E_INTERNAL', 'the package of Holdfast has no package.json');
}

function nextSteps(folder: string, { source, continuous }: DeployAnswers): string {
  return `Wrote a CDK app that backs up ${source} into ${folder}.
Next:
  - cd ${folder} && npm install && npm run synth
  - npx cdk bootstrap, once an account and region
  - npm run deploy, then npx holdfast doctor --deployed Holdfast
${continuous ? '  - npx holdfast pitr setup, from a machine that reaches the database\n' : ''}  - README.md there
`;
}
