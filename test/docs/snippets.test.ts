import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { Cron } from 'croner';
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../shared/config/config.ts';
import { type Block, blocksOf, PAGES } from '../support/pages.ts';

const BLOCKS = PAGES.flatMap(blocksOf);
const SCRIPTS = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).scripts);
/** What a shell block may call, beside the shell's own words. */
const PROGRAMS = new Set([
  'aws',
  'base64',
  'cd',
  'curl',
  'docker',
  'done',
  'export',
  'git',
  'head',
  'holdfast',
]);
for (const more of [
  'node',
  'npm',
  'npx',
  'openssl',
  'printf',
  'psql',
  'sed',
  'tr',
  'while',
  'for',
  'python3',
  'pip',
])
  PROGRAMS.add(more);
/** Variables that the shell or its user has. */
const GIVEN = new Set(['HOME', 'PATH', 'IFS']);

const of = (...languages: readonly string[]) =>
  BLOCKS.filter(({ language }) => languages.includes(language)).map((block) => [at(block), block] as const);

function at({ page, line }: Block): string {
  return `${page}:${line}`;
}

it('every block of code says what it is, and is checked as that or is text', () => {
  const checked = ['crontab', 'dockerfile', 'env', 'ini', 'js', 'json', 'sh', 'text', 'ts', 'yaml'];
  expect(BLOCKS.filter(({ language }) => !checked.includes(language)).map(at)).toEqual([]);
  // A command that is called text is not looked at.
  const commands = /^(\$ |npx |npm |aws |curl |holdfast \S+ -)/m;
  expect(BLOCKS.filter(({ language, code }) => language === 'text' && commands.test(code)).map(at)).toEqual(
    [],
  );
});

describe('a block of shell', () => {
  it.each(of('sh'))('%s is shell, and calls what is there', (_, { code }) => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: code, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const lines = code.replaceAll(/\\\n\s*/g, ' ').split('\n');
    const called = lines
      .map((line) => line.trim().replace(/^(\w+=("[^"]*"|\S*) +)+/, ''))
      .filter((line) => /^[a-z]/.test(line))
      .map((line) => line.split(/\s/)[0] ?? '');
    expect(called.filter((name) => !PROGRAMS.has(name))).toEqual([]);
    const scripts = [...code.matchAll(/npm run ([a-z:-]+)/g)].map(([, name = '']) => name);
    // `diff`, `synth` and `deploy` are those of the folder that `holdfast deploy init` writes.
    expect(scripts.filter((name) => ![...SCRIPTS, 'diff', 'synth', 'deploy'].includes(name))).toEqual([]);
    const files = [...code.matchAll(/\b(?:tools|bench|test|examples)\/[\w./-]+/g)].map(([name]) => name);
    expect(files.filter((name) => !existsSync(name))).toEqual([]);
  });

  it.each(PAGES)('%s sets the variables that its commands read', (page) => {
    const blocks = blocksOf(page).filter(({ language }) =>
      ['sh', 'crontab', 'env', 'ini'].includes(language),
    );
    const text = blocks.map(({ code }) => code.replaceAll(/^\s*#.*$|\s#\s.*$/gm, '')).join('\n');
    const set = new Set([...text.matchAll(/(?:^|[\s(])([A-Za-z_]+)=/gm)].map(([, name = '']) => name));
    for (const [, names = ''] of text.matchAll(/\bread -r ([a-z ]+)|\bfor ([a-z]+) in/g))
      for (const name of names.split(' ')) set.add(name);
    for (const [, name = ''] of text.matchAll(/\bfor ([a-z]+) in/g)) set.add(name);
    const shell = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code);
    const read = [
      ...[...text.matchAll(/\benv:([A-Z][A-Z0-9_]*)/g)].map(([, name = '']) => name),
      ...shell.flatMap((code) => [...code.matchAll(/\$\{?([A-Za-z_]+)/g)].map(([, name = '']) => name)),
    ];
    expect([...new Set(read)].filter((name) => !set.has(name) && !GIVEN.has(name))).toEqual([]);
  });
});

describe('a block of JSON', () => {
  it.each(of('json'))('%s parses', (_, { code }) => expect(() => JSON.parse(code)).not.toThrow());
});

describe('a part of a configuration', () => {
  const parts = of('ts').filter(([, { code }]) => /^(\w+: |import \{ defineConfig \})/.test(code));

  it('is found', () => expect(parts.length).toBeGreaterThan(8));

  it.each(parts)('%s is one that is taken', async (_, block) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-snippet-'));
    try {
      const { code } = block;
      const source = code.startsWith('import')
        ? code.replace("'holdfast/config'", `'${path.resolve('shared/config/config.ts')}'`)
        : `export default {${code}};`;
      const file = path.join(folder, 'holdfast.config.mjs');
      await writeFile(file, stripTypeScriptTypes(source));
      const { default: found } = await import(file);
      const least = { sources: { shop: { kind: 'postgres', url: 'env:SHOP' } } };
      const env = { SHOP: 'postgres://localhost/shop' };
      resolveConfig({ file: { ...least, ...found }, fileName: at(block), env, flags: {} });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a job of cron or systemd', () => {
  it.each(of('crontab'))('%s has times that cron understands', (_, { code }) => {
    const jobs = code.split('\n').filter((line) => line !== '' && !/^(#|[A-Z_]+=)/.test(line));
    expect(jobs.length).toBeGreaterThan(0);
    for (const job of jobs) {
      const [, times = '', command = ''] = /^((?:\S+\s+){5})(.*)$/.exec(job) ?? [];
      expect(() => new Cron(times.trim(), { paused: true }), job).not.toThrow();
      expect(command).toMatch(/^holdfast /);
    }
  });

  it.each(of('env'))('%s is a file of variables', (_, { code }) => {
    const lines = code.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(Object.keys(parseEnv(code))).toHaveLength(lines.length);
  });

  it.each(of('ini'))('%s is a unit that systemd knows all of', async (_, { code }) => {
    const known: Readonly<Record<string, readonly string[]>> = {
      Unit: ['Description', 'Wants', 'After', 'OnFailure'],
      Service: [
        ...['Type', 'User', 'WorkingDirectory', 'EnvironmentFile', 'ExecStart', 'Nice', 'SuccessExitStatus'],
        ...['Restart', 'RestartSec'],
      ],
      Timer: ['OnCalendar', 'RandomizedDelaySec', 'Persistent', 'Unit'],
      Install: ['WantedBy'],
    };
    let section = '';
    for (const line of code.split('\n').filter(Boolean)) {
      section = /^\[(\w+)\]$/.exec(line)?.[1] ?? section;
      if (!line.startsWith('[')) expect(known[section], line).toContain(line.split('=')[0]);
    }
    const [, calendar] = /^OnCalendar=(.*)$/m.exec(code) ?? [];
    if (calendar !== undefined && hasSystemd())
      expect(execFileSync('systemd-analyze', ['calendar', calendar], { encoding: 'utf8' })).toContain(
        'Next elapse',
      );
  });
});

describe('a block of JavaScript', () => {
  it.each(of('js'))('%s parses', (_, { code }) => {
    const { stderr } = spawnSync(process.execPath, ['--check', '--input-type=module', '-'], {
      input: code,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
  });
});

describe('a workflow', () => {
  it.each(of('yaml'))('%s runs shell that parses', (_, { code }) => {
    const [, script = ''] = /^ *run: \|\n([\s\S]*)$/m.exec(code) ?? [];
    const { stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
    expect(script).not.toBe('');
    expect(stderr).toBe('');
  });
});

describe('a Dockerfile', () => {
  it.each(of('dockerfile'))('%s installs the package on the release of Node that it needs', (_, { code }) => {
    const { engines, version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const words = ['FROM', 'COPY', 'RUN', 'USER', 'WORKDIR', 'ENV', 'ENTRYPOINT', 'CMD'];
    for (const line of code.replaceAll('\\\n', '').trim().split('\n'))
      expect(words).toContain(line.split(' ')[0]);
    expect(code).toContain(`FROM node:${engines.node.replace('>=', '')}`);
    expect(code).toContain(`holdfast-${version}.tgz`);
  });
});

function hasSystemd(): boolean {
  return spawnSync('systemd-analyze', ['--version']).status === 0;
}
