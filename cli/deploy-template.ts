/** The answers that describe a deployment. */
export interface DeployAnswers {
  /** Name of the source, and of the folder's package. */
  readonly source: string;
  readonly kind: string;
  /** Of a kind whose URL is no secret. */
  readonly url: string | undefined;
  /** ARN of the secret with its login; undefined if none is needed. */
  readonly secret: string | undefined;
  readonly region: string;
  readonly account: string;
  readonly network: { readonly vpcId: string; readonly subnetIds: readonly string[] } | undefined;
  readonly emails: readonly string[];
  /** Whether changes between backups are stored too. */
  readonly continuous: boolean;
}

/** Versions that the app depends on. */
export interface TemplateVersions {
  /** Holdfast's version for npm, or the path of its tarball. */
  readonly holdfast: string;
  readonly cdkLib: string;
  readonly cdk: string;
  readonly constructs: string;
  readonly typescript: string;
  readonly nodeTypes: string;
}

/** The files, by name, of a small CDK app that deploys Holdfast. */
export function deployTemplate(
  answers: DeployAnswers,
  versions: TemplateVersions,
): Readonly<Record<string, string>> {
  return {
    'package.json': json(packageOf(answers, versions)),
    'cdk.json': json(CDK),
    'tsconfig.json': json(TSCONFIG),
    'app.ts': APP,
    'holdfast.config.ts': configOf(answers),
    '.gitignore': 'node_modules/\ncdk.out/\n',
    'README.md': readmeOf(answers),
  };
}

function packageOf({ source }: DeployAnswers, versions: TemplateVersions) {
  return {
    name: `${source}-backups`,
    private: true,
    type: 'module',
    engines: { node: '>=24' },
    scripts: {
      check: 'tsc',
      synth: 'cdk synth --quiet',
      diff: 'cdk diff --all',
      deploy: 'cdk deploy --all',
    },
    dependencies: {
      'aws-cdk-lib': versions.cdkLib,
      constructs: versions.constructs,
      holdfast: versions.holdfast,
    },
    devDependencies: {
      '@types/node': versions.nodeTypes,
      'aws-cdk': versions.cdk,
      typescript: versions.typescript,
    },
  };
}

const CDK = {
  app: 'node app.ts',
  context: {
    '@aws-cdk/core:target-partitions': ['aws', 'aws-cn'],
    '@aws-cdk/core:defaultCrossStackReferences': 'strong',
  },
};

const TSCONFIG = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    types: ['node'],
  },
  include: ['*.ts'],
};

const APP = `import { holdfastApp } from 'holdfast/cdk';
import config from './holdfast.config.ts';

holdfastApp({ file: config, fileName: 'holdfast.config.ts', env: process.env }).synth();
`;

function configOf(answers: DeployAnswers): string {
  const { source, kind, url, secret, region, account, network, emails, continuous } = answers;
  const text = JSON.stringify;
  const place = [
    `kind: ${text(kind)}`,
    ...(url === undefined ? [] : [`url: ${text(url)}`]),
    ...(secret === undefined ? [] : [`secret: ${text(secret)}`]),
    ...(continuous ? ['continuous: {}'] : []),
  ].join(', ');
  const vpc = network
    ? `\n    network: { vpcId: ${text(network.vpcId)}, subnetIds: ${text(network.subnetIds)} },`
    : '\n    // A database that is not public needs the VPC that reaches it:\n    // network: { vpcId: "vpc-…", subnetIds: ["subnet-…", "subnet-…"] },';
  const told =
    emails.length > 0
      ? `\n    notifications: { emails: ${text(emails)} },`
      : '\n    // Who gets an email when a backup fails:\n    // notifications: { emails: ["ops@example.com"] },';
  return `import { defineConfig } from 'holdfast/config';

export default defineConfig({
  sources: {
    ${text(source)}: { ${place} },
  },
  // Daily at 02:00 and weekly on Sunday at 03:00 UTC, kept 30 and 84 days, unless you say otherwise:
  // schedules: { daily: { cron: "30 1 * * *", timeZone: "Europe/Berlin" } },
  // retention: { daily: 14 },
  aws: {
    account: ${text(account)},
    region: ${text(region)},${vpc}${told}
  },
});
`;
}

function readmeOf({ source, account, region, continuous }: DeployAnswers): string {
  return `# Backups of ${source}

Deploys Holdfast into account ${account}, ${region}. \`holdfast.config.ts\` says what is backed up;
\`node_modules/holdfast/docs/reference/configuration.md\` has every setting.

\`\`\`
npm install
npm run check        # types
npm run synth        # the templates, without touching the account
npx cdk bootstrap    # once an account and region
npm run deploy
npx holdfast doctor --deployed Holdfast   # tries all that the functions need
\`\`\`
${continuous ? SETUP : ''}
Then \`node_modules/holdfast/docs/guide/aws.md\`, "From nothing": the first backup, and how to see it.

To upgrade: \`npm install holdfast@latest\`, read its CHANGELOG.md, \`npm run diff\`, \`npm run deploy\`.
`;
}

/** Functions that poll may not set a database up. */
const SETUP = `
Changes are stored each minute once the database keeps them: run \`npx holdfast pitr setup --print\` for what that takes,
and \`npx holdfast pitr setup\` to do it, from a machine that reaches the database. Until then polls fail, and an alarm says so.
\`node_modules/holdfast/docs/guide/continuous.md\` has the rest.
`;

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
