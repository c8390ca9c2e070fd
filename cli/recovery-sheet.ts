import { encode } from 'uqr';
import { VERSION } from '../shared/core/version.ts';

/** The content of the sheet: the private half of a recovery key, and everything needed to use it. */
export interface RecoverySheet {
  readonly words: readonly string[];
  /** The same as 64 hex digits, for programs without the list of words. */
  readonly hex: string;
  readonly id: string;
  /** As `--repository` takes it. */
  readonly repository: string;
  readonly repositoryId: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly createdAt: Date;
}

interface Step {
  readonly text: string;
  readonly commands: readonly string[];
}

const GROUP = 8;
const COLUMNS = 4;
const WORDS_FILE = 'words.txt';

/** For a terminal, and a printer of plain text. */
export function textSheet(sheet: RecoverySheet): string {
  const rows = Math.ceil(sheet.words.length / COLUMNS);
  const line = (row: number) =>
    Array.from({ length: COLUMNS }, (_, column) => numbered(sheet, row + rows * column)).join('');
  const steps = stepsOf(sheet).map(
    ({ text, commands }, i) =>
      `${i + 1}. ${text}\n${commands.map((command) => `     ${command}\n`).join('')}`,
  );
  return `HOLDFAST RECOVERY SHEET
${TITLE}

${WARNING}

${factsOf(sheet)
  .map(([name, value]) => `${name.padEnd(15)}${value}\n`)
  .join('')}
${Array.from({ length: rows }, (_, row) => `   ${line(row).trimEnd()}\n`).join('')}
As hex digits: ${groupsOf(sheet.hex).join(' ')}

${textCode(sheet)}
HOW TO RESTORE

${steps.join('\n')}`;
}

/** One page to print, which loads nothing from anywhere. */
export function htmlSheet(sheet: RecoverySheet): string {
  const facts = factsOf(sheet).map(([name, value]) => `<tr><th>${name}</th><td>${escaped(value)}</td></tr>`);
  const words = sheet.words.map((word) => `<li>${word}</li>`);
  const steps = stepsOf(sheet).map(
    ({ text, commands }) =>
      `<li>${escaped(text)}${commands.map((command) => `<pre>${escaped(command)}</pre>`).join('')}</li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Recovery sheet ${sheet.id.slice(0, 8)}</title>
<style>
@page { margin: 15mm; }
body { font: 11pt/1.35 system-ui, sans-serif; color: #000; background: #fff; max-width: 180mm; margin: 10mm auto; }
h1 { font-size: 18pt; margin: 0; } h2 { font-size: 13pt; margin: 1em 0 0.3em; }
th { text-align: left; font-weight: 600; padding-right: 1em; vertical-align: top; } td { overflow-wrap: anywhere; }
.key { display: flex; gap: 8mm; align-items: center; border: 1.5pt solid #000; padding: 4mm; break-inside: avoid; }
.words { columns: 3; font: 12pt/1.5 ui-monospace, monospace; flex: 1; margin: 0; padding-left: 2.2em; }
.warning { font-weight: 600; } svg { width: 45mm; height: 45mm; flex: none; }
code, pre { font: 9.5pt/1.4 ui-monospace, monospace; } pre { margin: 0.2em 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.steps > li { break-inside: avoid; margin-bottom: 0.4em; }
</style>
</head>
<body>
<h1>Holdfast recovery sheet</h1>
<p>${TITLE}</p>
<p class="warning">${WARNING}</p>
<table>${facts.join('\n')}</table>
<h2>The recovery key</h2>
<div class="key">
<ol class="words">${words.join('')}</ol>
${svgCode(sheet)}
</div>
<p>As hex digits: <code>${groupsOf(sheet.hex).join(' ')}</code></p>
<h2>How to restore</h2>
<ol class="steps">${steps.join('\n')}</ol>
</body>
</html>
`;
}

const TITLE =
  'With this sheet and the repository alone, every backup can be restored. No other key is needed.';
const WARNING =
  'Anybody who has this sheet and can read the repository can read all backups. Keep it on paper, away from the computers and the cloud account that hold the backups; delete every file of it once it is printed. It is printed once and kept nowhere.';

function factsOf(sheet: RecoverySheet): [name: string, value: string][] {
  const { id, repository, repositoryId, region, endpoint, createdAt } = sheet;
  return [
    ['Repository', repository],
    ['Repository id', repositoryId],
    ...(region === undefined ? [] : [['Region', region] as [string, string]]),
    ...(endpoint === undefined ? [] : [['Endpoint', endpoint] as [string, string]]),
    ['Recovery key', id],
    ['Made', `${createdAt.toISOString().slice(0, 16).replace('T', ' ')} UTC, Holdfast ${VERSION}`],
  ];
}

function stepsOf(sheet: RecoverySheet): Step[] {
  const repository = quoted(sheet.repository);
  const place = `--repository ${repository}`;
  const key = `--recovery-key-file ${WORDS_FILE}`;
  const isInBucket = sheet.repository.startsWith('s3://');
  const region = [`export AWS_REGION=${sheet.region ?? "…   # the bucket's region"}`];
  const endpoint = sheet.endpoint === undefined ? [] : [`export AWS_ENDPOINT_URL_S3=${sheet.endpoint}`];
  return [
    {
      text: `On a computer that you trust, install Node.js (24.7 or newer) and Holdfast (${VERSION} or newer) from its package file; keep a copy of that file with this sheet. Below, \`holdfast\` is \`npx holdfast\` in that folder.`,
      commands: [`npm install ./holdfast-${VERSION}.tgz`],
    },
    ...(isInBucket
      ? [
          {
            text: 'Set credentials that may list and read the bucket. If the bucket is a copy in another account, use that bucket’s name and region below.',
            commands: ['export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…', ...region, ...endpoint],
          },
        ]
      : []),
    {
      text: `Scan the code or type the 24 words into a file, ${WORDS_FILE}, that only you can read (chmod 600); or leave --recovery-key-file out and type the words when asked.`,
      commands: [],
    },
    {
      text: 'See which backups exist, and prove that the sheet opens them. This writes nothing.',
      commands: [`holdfast recover --check ${place} ${key}`],
    },
    {
      text: 'Restore the newest backup into an empty database, or into a folder. Instead of `latest` give any name that the check shows, or `latest:NAME` if there are several sources.',
      commands: [
        `holdfast recover latest ${place} ${key} --to postgres://USER@HOST/EMPTY_DATABASE`,
        `holdfast recover latest ${place} ${key} --to ./restored`,
      ],
    },
    {
      text: 'When everything is restored: make a new repository with a new key (holdfast init), back up, add a recovery key to it, and destroy this sheet once nothing of the old repository is needed.',
      commands: [],
    },
    {
      text: 'If Holdfast cannot be installed: tools/read-repository.py, read_parts.py and recovery_key.py in its package (Python 3, with the packages cryptography and zstandard) read a copy of the repository in a folder. docs/reference/format.md explains every byte. Keep them with this sheet.',
      commands: [
        ...(isInBucket ? [`aws s3 sync ${repository} ./repository`] : []),
        `export HOLDFAST_RECOVERY_HEX=…   # the hex digits of this sheet, without spaces`,
        `python3 read-repository.py ${isInBucket ? './repository' : repository}`,
        `python3 read-repository.py ${isInBucket ? './repository' : repository} KEY DATASET > dataset`,
      ],
    },
  ];
}

/** Quoted for a shell. */
function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function numbered({ words }: RecoverySheet, i: number): string {
  const word = words[i];
  return word === undefined ? '' : `${String(i + 1).padStart(2)}. ${word.padEnd(14)}`;
}

function groupsOf(hex: string): string[] {
  return Array.from({ length: hex.length / GROUP }, (_, i) => hex.slice(GROUP * i, GROUP * (i + 1)));
}

/** The words, as somebody would type them. */
function codeOf({ words }: RecoverySheet): readonly (readonly boolean[])[] {
  return encode(words.join(' '), { ecc: 'M', border: 4 }).data;
}

/** Two rows per line; light on dark, as in most terminals, or dark on light: scanners read both. */
function textCode(sheet: RecoverySheet): string {
  const rows = codeOf(sheet);
  const lines: string[] = [];
  for (let i = 0; i < rows.length; i += 2) {
    const cells = (rows[i] ?? []).map((upper, j) => {
      const lower = rows[i + 1]?.[j] ?? false;
      return upper ? (lower ? ' ' : '▄') : lower ? '▀' : '█';
    });
    lines.push(`${cells.join('')}\n`);
  }
  return lines.join('');
}

function svgCode(sheet: RecoverySheet): string {
  const rows = codeOf(sheet);
  const dark = rows.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return `<svg viewBox="0 0 ${rows.length} ${rows.length}" shape-rendering="crispEdges"><path d="${dark.join('')}"/></svg>`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
