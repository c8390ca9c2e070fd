import { describe, expect, it } from 'vitest';
import type { SafetyFacts } from '../../../../shared/jobs/verdict/facts.ts';
import { judge, REPOSITORY_RULES, SOURCE_RULES } from '../../../../shared/jobs/verdict/rules.ts';
import { verdictOf } from '../../../../shared/jobs/verdict/verdict.ts';
import { allCases, type Case, DIMENSIONS, GOOD, RANKS } from './cases.ts';

const CASES = allCases();

/** Rules of the product, changed for a test, and put back. */
function without<T>(name: string, work: () => T): T {
  const rules: Record<string, unknown> = Object.hasOwn(SOURCE_RULES, name) ? SOURCE_RULES : REPOSITORY_RULES;
  const rule = rules[name];
  delete rules[name];
  try {
    return work();
  } finally {
    rules[name] = rule;
  }
}

const wrong = (judged: (facts: SafetyFacts) => string) =>
  CASES.filter(({ facts, rank }: Case) => judged(facts) !== RANKS[rank]);

describe('the verdict', () => {
  it(`is right in ${CASES.length} cases, over ${Object.keys(DIMENSIONS).length} dimensions`, () => {
    expect(CASES.length).toBeGreaterThan(500);
    const found = CASES.map(({ says, facts }) => `${says}: ${judge(facts).level}`);
    expect(found).toEqual(CASES.map(({ says, rank }) => `${says}: ${RANKS[rank]}`));
  });

  it('says in words all that it found, and no more than was looked at', () => {
    for (const { says, facts, words } of CASES) {
      const { sentence, findings, lookedAt } = verdictOf(facts);
      const text = [sentence, ...findings.map((finding) => finding.text)].join('\n');
      for (const word of words) expect(text, says).toMatch(word);
      if (!facts.copies) expect([...lookedAt, sentence].join(), says).not.toMatch(/second place/);
      if (facts.sources.some(({ verifiedAt }) => !verifiedAt))
        expect(sentence, says).not.toMatch(/verified within/);
      if (facts.runs === undefined) expect(lookedAt.join(), says).not.toMatch(/run/);
    }
  });

  it('is never green with a configured source without a backup', () => {
    for (const { says, facts } of CASES) {
      const hasNone = facts.sources.some(({ isConfigured, newestGood }) => isConfigured && !newestGood);
      if (hasNone) expect(verdictOf(facts).level, says).toBe('unprotected');
    }
  });

  it.each([...Object.keys(SOURCE_RULES), ...Object.keys(REPOSITORY_RULES)])(
    'is wrong in a case if %s is left out',
    (rule) => {
      const found = without(rule, () => wrong((facts) => judge(facts).level));
      expect(found.length).toBeGreaterThan(0);
    },
  );

  it.each(Object.keys(DIMENSIONS))('is wrong in a case if nobody looks at %s', (name) => {
    const changes = DIMENSIONS[name] ?? [];
    const blind = CASES.filter(({ says }) => changes.some((value) => says === `${name} ${value.says}`));
    // As if the fact had never been read.
    expect(blind.filter(({ rank }) => judge(GOOD).level !== RANKS[rank]).length).toBeGreaterThan(0);
  });

  it('names what was looked at, and when', () => {
    const copies = [{ name: 'second', missing: 0, oldestMissingAt: undefined, problem: undefined }];
    expect(verdictOf({ ...GOOD, copies, bucketDangers: [] })).toMatchObject({
      level: 'protected',
      at: GOOD.at,
      lookedAt: [
        '40 manifests and the reports about them',
        'the last 40 runs',
        'the list of the second place second',
        "the bucket's rules",
      ],
      notLookedAt: [],
      steps: [],
    });
  });

  it('has a step for every finding, and says what can be begun', () => {
    for (const { says, facts } of CASES) {
      const { findings, steps } = verdictOf(facts);
      expect(steps.length, says).toBeGreaterThanOrEqual(findings.length);
    }
    const old = CASES.find(({ says }) => says === 'what there is was never backed up');
    expect(old && verdictOf(old.facts).steps).toEqual([
      {
        text: 'shop was never backed up. Back it up.',
        action: { kind: 'backup', source: 'shop' },
        command: 'holdfast backup --source shop',
      },
    ]);
  });
});
