import type { KeyPart, TableFacts, UniqueKey } from '../../sources/table-facts.ts';
import { type Decision, shownName } from './decisions.ts';

/** Why the rules of a table cannot be carried out; empty if they can. */
export function tableProblems(facts: TableFacts, decisions: readonly Decision[]): readonly string[] {
  const masked = decisions.filter((decision) => decision.function);
  return [
    ...masked.flatMap((decision) => columnProblems(facts, decision)),
    ...facts.keys.flatMap((key) => keyProblems(facts, key, decisions)),
    ...facts.references
      .filter(({ table }) => table === undefined)
      .flatMap(({ name, columns }) =>
        masked
          .filter(({ column }) => columns.includes(column.name))
          .map(
            (decision) =>
              `${shownName(decision.name)} refers to another database (${name}): it can only be kept`,
          ),
      ),
  ];
}

function columnProblems(
  facts: TableFacts,
  { name, rule, limits, column, function: of }: Decision,
): readonly string[] {
  const shown = shownName(name);
  if (!of) return [];
  if (!facts.isKnown)
    return [`${shown} is in a table of an extension, whose keys are not known: it can only be kept`];
  if (facts.partitionedBy.includes(column.name))
    return [`${shown} decides which partition a row is in: it can only be kept`];
  if (!of.kinds.includes(column.kind))
    return [`${shown} is ${column.type}: ${rule.mask} masks ${of.kinds.join(', ')}`];
  const problem = of.problem?.(limits);
  if (problem !== undefined) return [`${shown} (${column.type}): ${rule.mask} ${problem}`];
  return 'by' in rule && rule.by !== undefined && !facts.columns.some((one) => one.name === rule.by)
    ? [`${shown}: there is no column '${rule.by}'`]
    : [];
}

function keyProblems(facts: TableFacts, key: UniqueKey, decisions: readonly Decision[]): readonly string[] {
  const decisionOf = ({ column }: KeyPart) => decisions.find((decision) => decision.column.name === column);
  const isNulled = (part: KeyPart) => decisionOf(part)?.rule.mask === 'null';
  const isConditional = (part: KeyPart) => hasCondition(decisionOf(part));
  if (!key.isPrimary && !key.isNullOne && key.parts.some((part) => isNulled(part) && !isConditional(part)))
    return [];
  const broken = key.parts.filter((part) => !staysDistinct(part, decisionOf(part)));
  if (broken.length === 0) return [];
  const whole = new Set(
    key.parts.filter((part) => !broken.includes(part) && part.use === 'plain').map(({ column }) => column),
  );
  const isCovered = facts.keys.some(
    (other) =>
      other.parts.length > 0 &&
      other.parts.every(
        (part) => whole.has(part.column) && part.use === 'plain' && staysDistinct(part, decisionOf(part)),
      ),
  );
  if (isCovered) return [];
  return broken.map((part) => {
    const decision = decisionOf(part);
    const { name = '', rule } = decision ?? {};
    const how = hasCondition(decision) ? `${rule?.mask} for some rows only` : rule?.mask;
    return `${shownName(name)} is in the unique key ${key.name}: ${how} could make two rows equal`;
  });
}

/** Whether what was different in a part of a key still is. */
function staysDistinct({ use, characters }: KeyPart, decision: Decision | undefined): boolean {
  const { function: of, limits } = decision ?? {};
  if (!of || !limits) return true;
  if (use === 'expression' || !of.isByValue || !of.isDistinct(limits)) return false;
  const { distinctWithin } = of;
  if (characters !== undefined) return distinctWithin !== undefined && distinctWithin <= characters;
  // Of masked and unmasked values together, only those that look like nothing else cannot meet.
  return !hasCondition(decision) || (distinctWithin !== undefined && limits.kind !== 'integer');
}

function hasCondition(decision: Decision | undefined): boolean {
  const { rule } = decision ?? {};
  return rule !== undefined && 'when' in rule && (rule.when !== undefined || rule.unless !== undefined);
}
