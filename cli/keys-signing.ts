import path from 'node:path';
import { type AdoptResult, adoptUnsigned } from '../shared/jobs/keys/adopt.ts';
import { makeSigningKey, openSigner } from '../shared/jobs/keys/signing.ts';
import { openConfiguredRepository } from '../shared/jobs/open-repository.ts';
import { usage } from './command.ts';
import { plural } from './format.ts';
import { type Io, write } from './io.ts';
import { writeNewFile } from './key-file.ts';
import { type ConfigFlags, loadConfig, repositoryConfig, signingOf } from './load-config.ts';

/** Options of `holdfast keys signing`. */
export interface SigningFlags extends ConfigFlags {
  readonly json?: boolean | undefined;
  readonly reason?: string | undefined;
}

/** `holdfast keys signing …`. @returns the exit status */
export async function keysSigning(words: readonly string[], flags: SigningFlags, io: Io): Promise<number> {
  const [word, file, ...more] = words;
  const most = word === 'new' ? 2 : 1;
  if (more.length > 0 || words.length > most) throw usage(`'${words[most]}' is one argument too many`);
  if (word === 'new') return make(file, flags, io);
  if (word === 'adopt') return adopt(flags, io);
  if (word === undefined) return show(flags, io);
  throw usage(`keys signing has no action '${word}'`, 'Give new FILE, adopt, or nothing.');
}

async function make(name: string | undefined, { json }: SigningFlags, io: Io): Promise<number> {
  if (name === undefined) throw usage('FILE is missing', 'Name the file for the private key.');
  const keyFile = path.resolve(io.cwd, name);
  const { pem, publicKey } = await makeSigningKey();
  await writeNewFile(keyFile, pem, 'signing.keyFile');
  const document = { keyFile, id: publicKey.id, algorithm: publicKey.alg, publicKey: publicKey.text };
  await print(
    io,
    json,
    document,
    `Made signing key ${publicKey.id} in ${keyFile}.
Give the private half to whatever makes backups and decisions, and the public half to everything that checks:

  signing: {
    keyFile: '${keyFile}',
    publicKeys: ['${publicKey.text}'],
    required: true,
  },

Before you set \`required\` for a repository that has backups: holdfast keys signing adopt
`,
  );
  return 0;
}

async function show(flags: SigningFlags, io: Io): Promise<number> {
  const config = await loadConfig(flags, io);
  const signer = await openSigner(await signingOf(config, io), config.s3.region);
  if (!signer)
    throw usage(
      'no signing key is configured',
      'Set signing.keyFile or signing.kmsKey, or make one: holdfast keys signing new FILE',
    );
  const { id, alg, text } = await signer.publicKey(io.signal);
  await print(io, flags.json, { id, algorithm: alg, publicKey: text }, `${id} ${alg}\n${text}\n`);
  return 0;
}

async function adopt(flags: SigningFlags, io: Io): Promise<number> {
  const { reason } = flags;
  if (reason === undefined) throw usage('--reason is missing', 'Say why: --reason "signing begins".');
  const settings = await repositoryConfig(await loadConfig(flags, io), io);
  // What it signs for has no signature: this once, the MAC is enough.
  const signing = settings.signing && { ...settings.signing, isRequired: false };
  await using repository = await openConfiguredRepository({ ...settings, signing }, io.signal, {
    pool: io.threads,
  });
  const result = await adoptUnsigned(repository, { reason, signal: io.signal });
  await print(io, flags.json, result, describe(result));
  return 0;
}

function describe({ backups, decisions, reports }: AdoptResult): string {
  if (reports.length === 0) return 'Everything is signed.\n';
  return `Signed for ${plural(backups, 'backup')} and ${plural(decisions, 'decision')} that had no signature.\n`;
}

async function print(io: Io, json: boolean | undefined, document: object, text: string): Promise<void> {
  await write(io.stdout, json ? `${JSON.stringify(document)}\n` : text);
}
