import { quoteIdent, quoteLiteral } from '../text/identifiers.ts';

interface Privilege {
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
}

/** How large objects are written. */
export interface LargeObjectOptions {
  /** Remove one of the same number first. */
  readonly replace: boolean;
  readonly noOwner: boolean;
  readonly noPrivileges: boolean;
}

/** Statements that make one large object and give it its owner, comment, privileges and labels. */
export function largeObjectSql(
  [oid = '', owner, acl, comment, labels]: readonly (string | undefined)[],
  { replace, noOwner, noPrivileges }: LargeObjectOptions,
): string {
  const object = `LARGE OBJECT ${Number(oid)}`;
  const statements = [`SELECT pg_catalog.lo_create(${Number(oid)})`];
  if (replace)
    statements.unshift(
      `SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = ${Number(oid)}`,
    );
  if (owner !== undefined && !noOwner) statements.push(`ALTER ${object} OWNER TO ${quoteIdent(owner)}`);
  if (comment !== undefined) statements.push(`COMMENT ON ${object} IS ${quoteLiteral(comment)}`);
  if (acl !== undefined && !noPrivileges)
    statements.push(...privilegeSql(object, owner, JSON.parse(acl) as Privilege[]));
  for (const { provider, label } of JSON.parse(labels ?? '[]') as {
    readonly provider: string;
    readonly label: string;
  }[]) {
    statements.push(`SECURITY LABEL FOR ${quoteIdent(provider)} ON ${object} IS ${quoteLiteral(label)}`);
  }
  return `${statements.join(';\n')};\n`;
}

/** Roles that its statements would name. */
export function largeObjectRoles(
  [, owner, acl]: readonly (string | undefined)[],
  { noOwner, noPrivileges }: { readonly noOwner?: boolean; readonly noPrivileges?: boolean },
): readonly string[] {
  const grantees =
    acl === undefined || noPrivileges
      ? []
      : (JSON.parse(acl) as Privilege[]).map(({ grantee }) => grantee).filter((name) => name !== '');
  // Privileges are first taken from the owner.
  const isOwnerNamed = owner !== undefined && (!noOwner || (acl !== undefined && !noPrivileges));
  return isOwnerNamed ? [owner, ...grantees] : grantees;
}

/** Grants come in the order in which they were given, as one may depend on another's grant option. */
function privilegeSql(object: string, owner: string | undefined, privileges: readonly Privilege[]): string[] {
  const role = ({ grantee }: Privilege) => (grantee === '' ? 'PUBLIC' : quoteIdent(grantee));
  const revoke = owner === undefined ? [] : [`REVOKE ALL ON ${object} FROM ${quoteIdent(owner)}`];
  const grants = privileges.map(
    (one) =>
      `GRANT ${one.privilege} ON ${object} TO ${role(one)}${one.grantable ? ' WITH GRANT OPTION' : ''}`,
  );
  return [...revoke, ...grants];
}

/** Writes one piece of a large object. */
export function largeObjectPieceSql([oid = '', offset = '', bytes = '']: readonly (
  | string
  | undefined
)[]): string {
  return `SELECT pg_catalog.lo_put(${Number(oid)}, ${Number(offset)}, ${quoteLiteral(bytes)}::pg_catalog.bytea);\n`;
}

/** The statement that sets a sequence to its value. */
export function sequenceValueSql([schema = '', name = '', value = '', isCalled]: readonly (
  | string
  | undefined
)[]): string {
  const sequence = quoteLiteral(`${quoteIdent(schema)}.${quoteIdent(name)}`);
  return `SELECT pg_catalog.setval(${sequence}, ${BigInt(value)}, ${isCalled === 't'});\n`;
}
