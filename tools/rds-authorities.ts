import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

const FILE = 'shared/sources/rds/rds.authorities.json';
/** Where AWS publishes them: its own regions, GovCloud, China. */
const BUNDLES = [
  'https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem',
  'https://truststore.pki.us-gov-west-1.rds.amazonaws.com/global/global-bundle.pem',
  'https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/global/global-bundle.pem',
];

const HELP = `Usage: npm run rds-authorities [-- FILE.pem...]

Renews ${FILE}, the authorities that RDS and Aurora
certificates are checked with, from what AWS publishes. With files, from those instead: bundles that you have fetched.
`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', default: false }, source: { type: 'string' } },
});

if (values.help) console.log(HELP);
else await renew(positionals.length > 0 ? positionals : BUNDLES);

async function renew(bundles: readonly string[]): Promise<void> {
  const pems = (await Promise.all(bundles.map(read))).flatMap(
    (text) => text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [],
  );
  const takenAt = new Date();
  const authorities = new Map<
    string,
    { readonly name: string; readonly validTo: string; readonly pem: string }
  >();
  for (const pem of pems) {
    const certificate = new X509Certificate(pem);
    const validTo = new Date(certificate.validTo);
    // Chains end at a root: what is below it is not needed, and what has ended is of no use.
    if (!certificate.ca || certificate.subject !== certificate.issuer || validTo < takenAt) continue;
    const name = /(?:^|\n)CN=([^\n]+)/.exec(certificate.subject)?.[1] ?? certificate.subject;
    authorities.set(certificate.fingerprint256, { name, validTo: validTo.toISOString(), pem: `${pem}\n` });
  }
  const sorted = [...authorities.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const source = values.source ?? bundles.join(' ');
  await writeFile(
    FILE,
    `${JSON.stringify({ source, takenAt: takenAt.toISOString(), authorities: sorted }, null, 1)}\n`,
  );
  console.log(`${sorted.length} authorities from ${source}`);
}

async function read(from: string): Promise<string> {
  if (!from.startsWith('https:')) return readFile(from, 'utf8');
  const answer = await fetch(from);
  if (!answer.ok) throw new Error(`${from} answers ${answer.status}`);
  return answer.text();
}
