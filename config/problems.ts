/** What is wrong with a configuration file: every problem with its place, what was found, and what would be right. */
import type { z } from 'zod';

type Step = string | number;

export interface Problem {
  readonly path: readonly Step[];
  /** What was expected, or what is wrong; one sentence without the found value. */
  readonly message: string;
  /** The value at the path, as it may be shown; null: there is none. */
  readonly found: string | null;
  /** A value that would be accepted, as YAML on one line; null: none is known. */
  readonly example: string | null;
  /** Line and column in the file, from 1; null: the place does not exist. */
  readonly at: { readonly line: number; readonly column: number } | null;
}

/** The configuration cannot be used. The message lists every problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string | null;
  readonly problems: readonly Problem[];

  constructor(file: string | null, problems: readonly Problem[]) {
    super(describeProblems(file, problems));
    this.file = file;
    this.problems = problems;
  }
}

/** `jobs.window-counts.policy.attempts`, `storage.prod.webhdfs[0]`. */
export function spellPath(path: readonly Step[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const name = /^[A-Za-z0-9_$-]+$/.test(step) ? step : JSON.stringify(step);
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

function describeProblems(file: string | null, problems: readonly Problem[]): string {
  const head = `${file ?? 'configuration'}: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
  return [head, ...problems.map(describeProblem)].join('\n');
}

function describeProblem(problem: Problem): string {
  const place = problem.at === null ? '' : ` (line ${problem.at.line}, column ${problem.at.column})`;
  const found = problem.found === null ? '' : `; found ${problem.found}`;
  const example = problem.example === null ? '' : `\n    for example: ${problem.example}`;
  return `  ${spellPath(problem.path) || 'the file'}${place}\n    ${problem.message}${found}${example}`;
}

const SENSITIVE = /pass|secret|token|apikey|^key$|auth|sasl|digest|bearer|hmac|^url$|credential/i;

/** How a found value may be shown: never a secret, never more than a line. */
export function showFound(value: unknown, path: readonly Step[]): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string' && path.some((step) => typeof step === 'string' && SENSITIVE.test(step))) {
    return 'a text (not shown: it may be a secret)';
  }
  const text = JSON.stringify(value) ?? 'nothing';
  const masked = text.replace(/:\/\/[^/@\s"]*@/g, '://***@');
  return masked.length > 120 ? `${masked.slice(0, 117)}…` : masked;
}

/** The value at a path of a parsed document. */
export function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (node, step) =>
      typeof node === 'object' && node !== null ? (node as Record<PropertyKey, unknown>)[step] : undefined,
    root,
  );
}

type Issue = z.core.$ZodIssue;
/** A problem before its line, value and example are looked up. */
export interface Finding {
  readonly path: readonly Step[];
  readonly message: string;
  /** Whether the value at the path says something. Default: true. */
  readonly showValue?: boolean;
  readonly example?: string;
}

const stepsOf = (path: readonly PropertyKey[]): Step[] =>
  path.map((step) => (typeof step === 'symbol' ? String(step) : step));

/** Turns the checker's issues into findings: unions into their nearest branch, unknown keys one by one. */
export function findingsOf(
  issues: readonly Issue[],
  root: unknown,
  keysAt: (path: readonly Step[]) => readonly string[],
  base: readonly Step[] = [],
): Finding[] {
  return issues.flatMap((issue): Finding[] => {
    const path = [...base, ...stepsOf(issue.path)];
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => {
          const near = nearest(key, keysAt(path));
          return {
            path: [...path, key],
            message: `unknown key${near === null ? '' : `: did you mean ${near}?`}`,
            showValue: false,
          };
        });
      case 'invalid_key':
        return [{ path, message: issue.issues[0]?.message ?? issue.message, showValue: false }];
      case 'invalid_union': {
        if (issue.errors.length === 0) {
          return [{ path, message: 'expected one of webhdfs, file (left out: webhdfs)' }];
        }
        const branch = nearestBranch(issue.errors, valueAt(root, path));
        return branch === null ? [{ path, message: issue.message }] : findingsOf(branch, root, keysAt, path);
      }
      case 'custom':
        return [{ path, message: issue.message, showValue: issue.params?.['shown'] !== true }];
      default:
        return [{ path, message: issue.message }];
    }
  });
}

/** The branch of a union that an object was probably meant for; null when it is none of them. */
function nearestBranch(branches: readonly (readonly Issue[])[], value: unknown): readonly Issue[] | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const weight = (issues: readonly Issue[]) =>
    issues.reduce((sum, i) => sum + (i.code === 'unrecognized_keys' ? 10 * i.keys.length : 1), 0);
  const fitting = branches
    .filter((issues) => !issues.some((i) => i.path.length === 0 && i.code !== 'unrecognized_keys'))
    .toSorted((a, b) => weight(a) - weight(b));
  return fitting[0] ?? null;
}

function nearest(word: string, among: readonly string[]): string | null {
  const ranked = among
    .map((candidate) => ({ candidate, far: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : null;
}

/** Edits between two words (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

interface SchemaNode {
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

const branchesOf = (node: SchemaNode): readonly SchemaNode[] => [
  node,
  ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap(branchesOf),
];

/** The places of the JSON schema that a path of the file leads to. */
function schemaAt(schema: SchemaNode, path: readonly Step[]): readonly SchemaNode[] {
  return path.reduce<readonly SchemaNode[]>(
    (nodes, step) =>
      nodes.flatMap((node) => {
        if (typeof step === 'number') return node.items === undefined ? [] : branchesOf(node.items);
        const named = node.properties?.[step];
        if (named !== undefined) return branchesOf(named);
        return typeof node.additionalProperties === 'object' ? branchesOf(node.additionalProperties) : [];
      }),
    branchesOf(schema),
  );
}

/** An example for the value at a path, as YAML on one line; null when the schema gives none. */
export function exampleAt(schema: Record<string, unknown>, path: readonly Step[]): string | null {
  for (const node of schemaAt(schema, path)) {
    const example = node.examples?.[0];
    if (example !== undefined) return spellValue(example);
  }
  return null;
}

/** The keys that may stand at a path. */
export function keysAt(schema: Record<string, unknown>, path: readonly Step[]): readonly string[] {
  return schemaAt(schema as SchemaNode, path).flatMap((node) => Object.keys(node.properties ?? {}));
}

/** YAML flow style. */
function spellValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spellValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, v]) => `${key}: ${spellValue(v)}`)
      .join(', ')}}`;
  }
  return typeof value === 'string' && /[:#,[\]{}' ]|^[-\d.]+$/.test(value) && !/^\w+:\/\//.test(value)
    ? `'${value}'`
    : String(value);
}
