import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import {
  Deprecation,
  type PropertyType,
  type Property as SchemaProperty,
  type SpecDatabase,
} from '@aws-cdk/service-spec-types';

interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
type Properties = Readonly<Record<string, SchemaProperty>>;

let loaded: SpecDatabase | undefined;
const database = () => (loaded ??= loadAwsServiceSpecSync());

/** What a template has of AWS's own resources that CloudFormation's registry does not know, one line each. */
export function schemaProblems(template: object): string[] {
  const { Resources = {} } = template as { readonly Resources?: Readonly<Record<string, TemplateResource>> };
  return Object.entries(Resources).flatMap(([id, { Type, Properties = {} }]) => {
    // CDK's own notes are of no service's.
    if (Type.startsWith('Custom::') || Type === 'AWS::CDK::Metadata') return [];
    const [resource] = database().lookup('resource', 'cloudFormationType', 'equals', Type);
    if (!resource) return [`${id}: ${Type} is unknown`];
    return objectProblems(`${id} (${Type})`, Properties, resource.properties);
  });
}

function objectProblems(where: string, given: unknown, known: Properties): string[] {
  if (isIntrinsic(given)) return [];
  if (!isObject(given)) return [`${where} is ${JSON.stringify(given)}; an object is due`];
  const missing = Object.entries(known).filter(([name, { required }]) => required && !(name in given));
  return [
    ...missing.map(([name]) => `${where} lacks ${name}`),
    ...Object.entries(given).flatMap(([name, value]) => {
      const property = known[name];
      if (!property || property.deprecated === Deprecation.IGNORE) return [`${where}.${name} is unknown`];
      return typesProblems(`${where}.${name}`, value, [property.type, ...(property.previousTypes ?? [])]);
    }),
  ];
}

/** @returns nothing if one type takes the value, else the shortest list of why not */
function typesProblems(where: string, value: unknown, types: readonly PropertyType[]): string[] {
  const [shortest = []] = types
    .map((type) => typeProblems(where, value, type))
    .toSorted((a, b) => a.length - b.length);
  return shortest;
}

function typeProblems(where: string, value: unknown, type: PropertyType): string[] {
  if (isIntrinsic(value)) return [];
  switch (type.type) {
    case 'ref':
      return objectProblems(where, value, database().get('typeDefinition', type.reference).properties);
    case 'array':
      if (!Array.isArray(value)) return [`${where} is no list`];
      return value.flatMap((item, i) => typeProblems(`${where}[${i}]`, item, type.element));
    case 'map':
      if (!isObject(value)) return [`${where} is no map`];
      return Object.entries(value).flatMap(([key, item]) =>
        typeProblems(`${where}.${key}`, item, type.element),
      );
    case 'union':
      return typesProblems(where, value, type.types);
    case 'tag':
      return isTag(value) ? [] : [`${where} is no tag`];
    default:
      return scalarProblems(where, value, type);
  }
}

type Scalar = Extract<
  PropertyType,
  { readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'json' | 'date-time' | 'null' }
>;

function scalarProblems(where: string, value: unknown, type: Scalar): string[] {
  const fits = {
    string: typeof value === 'string',
    'date-time': typeof value === 'string',
    number: typeof value === 'number',
    integer: Number.isInteger(value),
    boolean: typeof value === 'boolean',
    null: value === null,
    json: isObject(value) || Array.isArray(value) || typeof value === 'string',
  }[type.type];
  if (!fits) return [`${where} is ${JSON.stringify(value)}; a ${type.type} is due`];
  const allowed: readonly unknown[] = ('allowedValues' in type && type.allowedValues) || [];
  return allowed.length === 0 || allowed.includes(value)
    ? []
    : [`${where} is ${JSON.stringify(value)}; allowed are ${allowed.join(', ')}`];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** CloudFormation knows the value only when it deploys. */
function isIntrinsic(value: unknown): boolean {
  if (!isObject(value)) return false;
  const [name, ...others] = Object.keys(value);
  return others.length === 0 && name !== undefined && (name === 'Ref' || name.startsWith('Fn::'));
}

function isTag(value: unknown): boolean {
  return isObject(value) && typeof value['Key'] === 'string' && 'Value' in value;
}
