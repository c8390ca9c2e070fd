import { parseArgs } from 'node:util';
import { describe, expect, it } from 'vitest';
import { COMMON_OPTIONS } from '../../../../cli/command.ts';
import { COMMANDS } from '../../../../cli/commands.ts';
import { beginnable, type Step } from '../../../../console/screens/overview/steps.ts';
import { presentStatus } from '../../../../shared/api/presenters/status.ts';
import type { SafetyFacts } from '../../../../shared/jobs/verdict/facts.ts';
import { REPOSITORY_RULES, SOURCE_RULES } from '../../../../shared/jobs/verdict/rules.ts';
import { verdictOf } from '../../../../shared/jobs/verdict/verdict.ts';
import { ago, allCases, GOOD } from './cases.ts';

const CASES = allCases();
const STORED = {
  location: '/srv/backups',
  repositoryId: 'a',
  formatVersion: 1,
  damaged: 0,
  problems: [],
  sources: [],
};

const stepsOf = (facts: SafetyFacts) =>
  presentStatus(STORED as never, [], facts).verdict.steps as readonly Step[];

/** Words of a command as a shell would have them. */
function words(command: string): string[] {
  return [...command.matchAll(/"[^"]*"|(?:'[^']*'|\\'|[^\s'])+/g)].map(([word]) =>
    word.replaceAll(/["']/g, ''),
  );
}

/** The command line takes it: the command is there, and each option is one of it. */
async function isTaken(command: string): Promise<void> {
  const [program, name = '', ...args] = words(command);
  if (program !== 'holdfast') return expect(command).toBe('unset ENABLE_BACKUPS');
  const { options } = await (COMMANDS[name]?.load() ?? Promise.reject(new Error(`no command in ${command}`)));
  parseArgs({ args, options: { ...COMMON_OPTIONS, ...options }, allowPositionals: true, strict: true });
}

describe('what to do about what a verdict finds', () => {
  it('has a button or a command for every rule, which the command line takes', async () => {
    const found = new Set<string>();
    const commands = new Set<string>();
    for (const { facts } of CASES) {
      const { findings, steps } = verdictOf(facts);
      findings.forEach(({ rule, text }, i) => {
        found.add(rule);
        expect(steps[i]?.text).toContain(text);
        expect(steps[i]?.text.length, rule).toBeGreaterThan(text.length);
      });
      for (const step of stepsOf(facts)) commands.add(step.command);
    }
    expect([...found].sort()).toEqual(
      [...Object.keys(SOURCE_RULES), ...Object.keys(REPOSITORY_RULES)].sort(),
    );
    for (const command of commands) await isTaken(command);
  });

  it.each(['local', 'aws'] as const)(
    'is begun by the console with mode %s, or is there to be copied',
    (mode) => {
      const configured = {
        sources: [{ name: 'shop', kind: 'postgres' }],
        targets: [],
        types: [],
        newDatabases: [],
        kinds: [],
      };
      const kinds = new Set<string>();
      for (const { facts } of CASES)
        for (const step of stepsOf(facts)) {
          const action = beginnable(step, { mode, configured });
          if (action) kinds.add(action.kind);
          else expect(step.command.length).toBeGreaterThan(0);
        }
      const everywhere = ['accept', 'backup', 'drill', 'verify'];
      expect([...kinds].sort()).toEqual(mode === 'aws' ? everywhere : [...everywhere, 'copy', 'lock'].sort());
    },
  );

  it('backs up again what failed with what it was asked for', () => {
    const asked = { type: 'weekly', note: 'before the move', noParent: true };
    const lastRun = { outcome: 'failed' as const, at: ago(2), code: 'E_SOURCE_REFUSED', asked };
    const facts = { ...GOOD, sources: GOOD.sources.map((one) => ({ ...one, lastRun })) };
    expect(stepsOf(facts)).toMatchObject([
      {
        action: { kind: 'backup', source: 'shop', ...asked },
        command: "holdfast backup weekly --source shop --note 'before the move' --no-parent",
      },
    ]);
  });
});
