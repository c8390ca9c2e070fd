import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { LocalSigner, newSigningKey } from '../../../../shared/keys/signer.ts';
import { startKms } from '../../../support/aws/kms-double.ts';
import { runCommand } from '../../../support/command-line.ts';
import { diagnose, expectFault, expectHealth } from '../../../support/doctor.ts';
import { TEST_KEY } from '../../../support/repository/engine.ts';
import { newFolder } from '../../../support/temporary.ts';

it('holdfast doctor tries the signing key, and says what is wrong with it', async () => {
  const cwd = await newFolder();
  const repository = path.join(cwd, 'backups');
  const env = { BACKUP_ENCRYPTION_KEY: TEST_KEY };
  await runCommand(`init -r ${repository}`, { cwd, env });
  const keyFile = path.join(cwd, 'signing.pem');
  const pem = newSigningKey();
  await writeFile(keyFile, pem, { mode: 0o600 });
  const { text, id } = await new LocalSigner(pem).publicKey();
  const other = (await new LocalSigner(newSigningKey()).publicKey()).text;
  const look = (signing: object) => diagnose({ config: { repository, signing }, env });

  const well = await look({ keyFile, publicKeys: [text], required: true });
  expectHealth(well, ['source']);
  expect(well.rows).toContainEqual(
    expect.objectContaining({ name: 'key-signs', seen: `it is ${id}, Ed25519` }),
  );
  const name = 'key-signs';
  expectFault(await look({ keyFile, publicKeys: [other] }), {
    name,
    code: 'E_BAD_KEY',
    seen: /not one of signing.publicKeys/,
    fix: /Add its public half/,
  });
  expectFault(await look({ publicKeys: [text], required: true }), {
    name,
    code: 'E_NO_KEY',
    seen: /no signing key is configured/,
    fix: /signing.kmsKey/,
  });
  const kms = await startKms();
  expectHealth(await look({ kmsKey: kms.signingArn }), ['source']);
  kms.refuse('AccessDeniedException');
  expectFault(await look({ kmsKey: kms.signingArn }), {
    name,
    code: 'E_KEY_DENIED',
    seen: /did not give its public half/,
    fix: /the role's policy/,
  });
});
