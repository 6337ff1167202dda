import type { Client } from '@temporalio/client';

/** Search attributes of cases. The namespace may not know them: only registered ones are ever used. */
export const SEARCH_ATTRIBUTES = {
  HoldfastPhase: 'Keyword',
  HoldfastAttempt: 'Int',
  HoldfastFailure: 'Keyword',
  HoldfastNeedsOperator: 'Bool',
} as const;

/** `temporal.api.enums.v1.IndexedValueType` */
const TYPES = { Keyword: 2, Int: 3, Bool: 5 } as const;

type WithOperator = { readonly operatorService?: Operator };
interface Operator {
  listSearchAttributes(request: { namespace: string }): Promise<{ customAttributes?: object | null }>;
  addSearchAttributes(request: {
    namespace: string;
    searchAttributes: Record<string, number>;
  }): Promise<unknown>;
}

/** Not every connection offers the operator's calls (the worker's own does not need them). */
function operatorOf(client: Client): Operator {
  const { operatorService } = client.connection as unknown as WithOperator;
  if (operatorService === undefined) throw new TypeError('expected a connection with the operator service');
  return operatorService;
}

/** Names of ours that the namespace knows. */
export async function registeredSearchAttributes(client: Client): Promise<readonly string[]> {
  const { customAttributes } = await operatorOf(client).listSearchAttributes({
    namespace: client.options.namespace,
  });
  // In our order: the server's is another each time.
  return Object.keys(SEARCH_ATTRIBUTES).filter((name) => Object.hasOwn(customAttributes ?? {}, name));
}

/** Registers those that are missing, and returns their names. */
export async function registerSearchAttributes(client: Client): Promise<readonly string[]> {
  const known = await registeredSearchAttributes(client);
  const missing = Object.entries(SEARCH_ATTRIBUTES).filter(([name]) => !known.includes(name));
  if (missing.length === 0) return [];
  await operatorOf(client).addSearchAttributes({
    namespace: client.options.namespace,
    searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, TYPES[type]])),
  });
  return missing.map(([name]) => name);
}
