import { ROLES, type Role } from '../../core/api-names.ts';

/** Configured texts that give each role. */
export type RoleRules = Readonly<Partial<Record<Role, readonly string[] | undefined>>>;

/** Roles that any of these texts gives. */
export function rolesOf(
  given: readonly string[],
  rules: RoleRules,
  isSame: (rule: string, text: string) => boolean = (rule, text) => rule === text,
): Role[] {
  return ROLES.filter((role) => rules[role]?.some((rule) => given.some((text) => isSame(rule, text))));
}
