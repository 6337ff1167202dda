/**
 * Whether a task failed because of the state that it was restoring. Only then the failure says something about the
 * restore point: a NameNode that is away fails the same task in the same place. Seen on Flink 1.20.5 and 2.2.1.
 */
import type { FailureCode } from '../domain/failure.js';

const LOADING = /Could not restore (keyed|operator) state backend|BackendBuildingException/;

const RULES: readonly { readonly last: RegExp; readonly code: FailureCode }[] = [
  { last: /FileNotFoundException\)?: File does not exist/, code: 'StateMissing' },
  // Hadoop calls a connection that ended an EOFException too; that one says between whom.
  {
    last: /^java\.io\.EOFException(?!: End of File Exception between)|StreamCorruptedException|UTFDataFormatException/,
    code: 'StateCorrupt',
  },
  { last: /StateMigrationException|must not be incompatible/, code: 'StateIncompatible' },
];

/**
 * @param causes the chain of a stack trace, outermost first
 * @returns null when the failure says nothing about the state
 */
export function stateRefusedBy(causes: readonly string[]): FailureCode | null {
  if (!causes.some((cause) => LOADING.test(cause))) return null;
  const last = causes.at(-1) ?? '';
  return RULES.find((rule) => rule.last.test(last))?.code ?? null;
}
