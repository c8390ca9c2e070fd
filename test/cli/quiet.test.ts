import { access } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { newFolder } from '../support/temporary.ts';

/** A repository with a key in a file, made in silence. */
async function world() {
  const cwd = await newFolder();
  const env = { HOLDFAST_REPOSITORY: './backups', HOLDFAST_KEY_FILE: './one.key' };
  const made = await runCommand('init --new-key ./one.key --quiet', { cwd, env });
  const run = (line: string) => runCommand(line, { cwd, env });
  return { cwd, made, run };
}

const SILENT = { status: 0, stdout: '', stderr: '' };

describe('--quiet', () => {
  it('has init, and a change of keys, say nothing if all went well', async () => {
    const { cwd, made, run } = await world();
    expect(made).toMatchObject(SILENT);
    await access(path.join(cwd, 'one.key'));
    expect(await run('rekey --new-key ./two.key -q')).toMatchObject(SILENT);
    await access(path.join(cwd, 'two.key'));
  });

  it('shows a recovery sheet all the same, which is shown once, and nothing besides; none if it goes into a file', async () => {
    const { cwd, run } = await world();
    const shown = await run('rekey --add-recovery --quiet');
    expect(shown).toMatchObject({ status: 0, stderr: '' });
    expect(shown.stdout).toMatch(/1\. *\w+/);
    expect(shown.stdout).not.toContain('Proved:');
    expect(await run('rekey --complete-recovery --quiet')).toMatchObject(SILENT);
    expect(await run('rekey --add-recovery --sheet ./sheet.html --quiet')).toMatchObject(SILENT);
    await access(path.join(cwd, 'sheet.html'));
  });
});
