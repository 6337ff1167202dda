import { setTimeout as sleep } from 'node:timers/promises';
import { ClientError, type HoldfastClient } from '../client/index.js';
import type { CaseStatus } from '../domain/case.js';

/** Looks at a case again and again. Ends with the generator's consumer or when the signal is aborted. */
export async function* follow(
  client: Pick<HoldfastClient, 'status'>,
  job: string,
  { every, signal }: { readonly every: number; readonly signal: AbortSignal },
): AsyncGenerator<CaseStatus | ClientError, void> {
  while (!signal.aborted) {
    try {
      yield await client.status(job);
    } catch (error) {
      if (!(error instanceof ClientError) || !isPassing(error)) throw error;
      yield error;
    }
    await sleep(every, undefined, { signal }).catch(() => undefined);
  }
}

/** Workers and Temporal may be away for a while: the case is not. */
const isPassing = (error: ClientError): boolean =>
  error.code === 'NoWorker' || error.code === 'TemporalUnavailable';

/** Nothing more happens without a person, or at all. */
export const isSettled = ({ phase }: Pick<CaseStatus, 'phase'>): boolean =>
  phase === 'resumed' ||
  phase === 'resumed with a gap' ||
  phase === 'aborted' ||
  phase === 'asking' ||
  phase === 'closed';
