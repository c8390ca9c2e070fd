import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const LINES = readFileSync('Dockerfile', 'utf8')
  .replaceAll('\\\n', '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const);
const of = (instruction: string) => LINES.filter(([name]) => name === instruction).map(([, rest]) => rest);

it('the image is made on the release of Node that is needed, of files that are there, by commands that are shell', () => {
  const { engines, files } = JSON.parse(readFileSync('package.json', 'utf8'));
  const release = engines.node.replace('>=', '');
  expect(of('FROM')).toEqual([`node:${release}-slim AS build`, `node:${release}-slim`]);
  const copied = of('COPY').flatMap((rest) =>
    rest.startsWith('--from') ? [] : rest.split(' ').slice(0, -1),
  );
  expect(copied.filter((file) => !existsSync(file))).toEqual([]);
  for (const command of of('RUN'))
    expect(spawnSync('bash', ['-n'], { input: command, encoding: 'utf8' }).stderr).toBe('');
  expect(of('USER')).toEqual(['node']);
  expect(of('ENTRYPOINT')).toEqual(['["holdfast"]']);
  // Nothing that is published may be left out of the build, and nothing of this machine may get into it.
  const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
  expect(ignored).toEqual(expect.arrayContaining(['.git', '**/node_modules', '**/dist']));
  expect(files.filter((file: string) => file !== 'dist' && ignored.includes(file))).toEqual([]);
});
