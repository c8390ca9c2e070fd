import type { Template } from 'aws-cdk-lib/assertions';
import { resolved } from './synthesised.ts';

/** An event as a bus has it. */
export interface BusEvent {
  readonly source: string;
  readonly 'detail-type': string;
  readonly time: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What a rule calls, and with what. */
export interface Called {
  /** Name of a function; undefined: a state machine. */
  readonly job: string | undefined;
  readonly input: Readonly<Record<string, unknown>>;
}

interface RuleTarget {
  readonly Arn: unknown;
  readonly InputTransformer?: {
    readonly InputPathsMap?: Readonly<Record<string, string>>;
    readonly InputTemplate: string;
  };
}

/** What rules of a stack call for an event, as EventBridge would. */
export function calledFor(stack: Template, event: BusEvent): Called[] {
  const rules = Object.values(stack.findResources('AWS::Events::Rule')).map(({ Properties }) => Properties);
  const jobs = new Map(
    Object.entries(stack.findResources('AWS::Lambda::Function')).map(([id, { Properties }]) => [
      String(resolved({ 'Fn::GetAtt': [id, 'Arn'] })),
      Properties.Environment?.Variables.POWERTOOLS_SERVICE_NAME as string | undefined,
    ]),
  );
  return rules
    .filter(({ EventPattern }) => EventPattern?.source?.includes(event.source))
    .filter(({ EventPattern }) => matchesEvent(resolved(EventPattern), event))
    .flatMap(({ Targets }) =>
      (Targets as readonly RuleTarget[]).map(({ Arn, InputTransformer }) => ({
        job: jobs.get(String(resolved(Arn))),
        input: inputOf(InputTransformer, event),
      })),
    );
}

/** JSON in the place of each name in angle brackets. */
function inputOf(transformer: RuleTarget['InputTransformer'], event: BusEvent): Called['input'] {
  if (!transformer) return { ...event };
  const { InputPathsMap = {}, InputTemplate } = transformer;
  const text = InputTemplate.replaceAll(/<([\w-]+)>/g, (_, name: string) =>
    JSON.stringify(at(event, InputPathsMap[name] ?? '')),
  );
  return JSON.parse(text);
}

function at(event: BusEvent, path: string): unknown {
  const names = path.split('.').slice(1);
  return names.reduce<unknown>((found, name) => (found as Record<string, unknown>)[name], event);
}

/** As EventBridge matches: lists are alternatives, objects are walked, of a list of objects any may match. */
export function matchesEvent(wanted: unknown, found: unknown): boolean {
  if (Array.isArray(wanted)) return wanted.some((one) => isMet(one, found));
  if (Array.isArray(found)) return found.some((one) => matchesEvent(wanted, one));
  return Object.entries(wanted as object).every(([name, inner]) =>
    matchesEvent(inner, (found as Record<string, unknown> | undefined)?.[name]),
  );
}

function isMet(wanted: unknown, found: unknown): boolean {
  if (typeof wanted === 'string') return found === wanted;
  const {
    exists,
    'anything-but': but,
    ...rest
  } = wanted as {
    readonly exists?: boolean;
    readonly 'anything-but'?: readonly string[];
  };
  if (Object.keys(rest).length > 0) throw new Error(`a condition of another kind: ${JSON.stringify(rest)}`);
  if (exists !== undefined) return exists === (found !== undefined);
  return typeof found === 'string' && but?.includes(found) === false;
}
